"""The floor of every command line: a click group with as many commands as tfgen has."""

import click


@click.group()
@click.option("--env")
@click.option("--json", is_flag=True)
def group(env: str | None, json: bool) -> None:
    """A bare group."""


for _name in ("apply", "check", "destroy", "doctor", "exec", "graph", "init", "local", "output", "plan", "render"):
    group.add_command(click.Command(_name, help=f"The command {_name}."))

if __name__ == "__main__":
    group(prog_name="bare")
