"""How commands are grouped."""

from typing import Any

from typer.core import TyperGroup


class StartsByDefault(TyperGroup):
    """`covey run FLOW` is `covey run start FLOW`: what is no command of the group is the name of a Flow."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # typer's Context is of a private package
        """Put `start` before what is no command; `--wait` needs no value."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = ["start", *args]
        return super().parse_args(ctx, ["--wait=" if word == "--wait" else word for word in args])
