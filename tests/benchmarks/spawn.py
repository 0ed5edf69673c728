"""Start one program and print how long it ran, how much processor time and how much memory it took, as JSON.

A process of its own, and a small one: a child's peak memory begins with what its parent had. What the program
started itself and waited for counts as its own.
"""

import json
import os
import sys
import time


def main() -> None:
    errors = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    silence = os.open(os.devnull, os.O_WRONLY)
    actions = [(os.POSIX_SPAWN_DUP2, silence, 1), (os.POSIX_SPAWN_DUP2, errors, 2)]
    started = time.perf_counter()
    child = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ, file_actions=actions)
    _, status, usage = os.wait4(child, 0)
    seconds = time.perf_counter() - started
    kibibytes = usage.ru_maxrss / (1 if sys.platform == "linux" else 1024)
    print(
        json.dumps(
            {
                "seconds": seconds,
                "cpu_seconds": usage.ru_utime + usage.ru_stime,
                "kibibytes": kibibytes,
                "code": os.waitstatus_to_exitcode(status),
            }
        )
    )


main()
