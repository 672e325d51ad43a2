"""How commands are grouped, and what is said of a word that is no command."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from typer.core import TyperGroup

NEAR = 0.7
"""How alike a command must be to be proposed: a slip of the hand, not another word."""


class Commands(TyperGroup):
    """Proposes what was meant: a command written nearly so, or one of that name in a group."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Do without the proposals of the library: it takes words for near that are only remotely alike."""
        super().__init__(*args, **kwargs | {"suggest_commands": False})

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # typer's types are of a private package
        """Add to the error what was meant."""
        try:
            return super().resolve_command(ctx, args)
        except Exception as error:
            meant = proposals(args[0], self.commands) if args else []
            if meant and hasattr(error, "message"):
                error.message = f"{error.message.rstrip('.')}. Did you mean {', '.join(map(repr, meant))}?"
            raise


def proposals(word: str, commands: Mapping[str, Any]) -> list[str]:
    """The commands that somebody who wrote the word may mean; none when none is near."""
    inside = [
        f"{group} {word}" for group, command in commands.items() if word in getattr(command, "commands", ())
    ]
    return inside or get_close_matches(word, list(commands), cutoff=NEAR)


class StartsByDefault(Commands):
    """`covey run FLOW` is `covey run start FLOW`: what is no command of the group is the name of a Flow."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # typer's Context is of a private package
        """Put `start` before what is no command; `--wait` needs no value."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = ["start", *args]
        return super().parse_args(ctx, ["--wait=" if word == "--wait" else word for word in args])

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """Complete the names of Flows too."""
        flow = self.commands["start"].params[0]
        return [*super().shell_complete(ctx, incomplete), *flow.shell_complete(ctx, incomplete)]
