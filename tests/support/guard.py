"""Run commands where every address of the world is this process's own, and report who was called.

Started in a network namespace of its own (`unshare --net`), it makes all IPv4 addresses local and listens where
cloud SDKs, resolvers, proxies and the metadata service would be: what tries to leave the machine lands here.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading

TCP_PORTS = (53, 80, 443, 3128, 8080)
DNS_PORT = 53


def main() -> None:
    for words in (["link", "set", "lo", "up"], ["route", "add", "local", "default", "dev", "lo"]):
        subprocess.run(["ip", *words], check=True)
    connections: list[int] = []
    names: list[str] = []
    for port in TCP_PORTS:
        server = socket.create_server(("0.0.0.0", port))
        threading.Thread(target=_accept, args=(server, port, connections), daemon=True).start()
    resolver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    resolver.bind(("0.0.0.0", DNS_PORT))
    threading.Thread(target=_resolve, args=(resolver, names), daemon=True).start()
    results = []
    for step in json.load(sys.stdin):
        done = subprocess.run(
            step["argv"],
            cwd=step["cwd"],
            env=step["env"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        results.append({"code": done.returncode, "stdout": done.stdout, "stderr": done.stderr})
    json.dump({"results": results, "connections": sorted(connections), "names": sorted(set(names))}, sys.stdout)


def _accept(server: socket.socket, port: int, connections: list[int]) -> None:
    while True:
        connection, _ = server.accept()
        connections.append(port)
        connection.close()


def _resolve(resolver: socket.socket, names: list[str]) -> None:
    """Note each name that is asked for and answer that it does not exist."""
    while True:
        query, client = resolver.recvfrom(4096)
        names.append(_name(query))
        # RFC 1035, 4.1.1: the header with QR set and RCODE 3, "Name Error".
        resolver.sendto(query[:2] + b"\x81\x83" + query[4:6] + b"\0\0\0\0\0\0" + query[12:], client)


def _name(query: bytes) -> str:
    labels, position = [], 12
    while query[position]:
        length = query[position]
        labels.append(query[position + 1 : position + 1 + length].decode("ascii", "replace"))
        position += 1 + length
    return ".".join(labels)


if __name__ == "__main__":
    main()
