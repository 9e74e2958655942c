"""DOOR: what TAB does in bash, zsh and fish: Click's completion with its faults mended, and never a word where something is broken.

Click 8.5.1 loses `--option=value` (pallets/click#2847), in fish all after a comma, and in bash whatever follows a word with `:` or `=`.
"""

from __future__ import annotations

import os
import re
from typing import Any, Final

from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
    split_arg_string,
)

_BASH: Final = """\
%(complete_func)s() {
    local IFS=$'\\n' response completion type value

    response=$(env COMP_WORDS="${COMP_LINE:0:COMP_POINT}" %(complete_var)s=bash_complete "$1" 2>/dev/null)

    for completion in $response; do
        IFS=',' read -r type value <<< "$completion"

        if [[ $type == 'dir' ]]; then
            COMPREPLY=()
            compopt -o dirnames
        elif [[ $type == 'file' ]]; then
            COMPREPLY=()
            compopt -o default
        elif [[ $type == 'plain' ]]; then
            COMPREPLY+=("$value")
        fi
    done
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""

_ZSH: Final = """\
#compdef %(prog_name)s

%(complete_func)s() {
    local -a plain described response
    local type key descr
    (( ! $+commands[%(prog_name)s] )) && return 1

    response=("${(@f)$(env COMP_WORDS="${words[1,CURRENT]}" %(complete_var)s=zsh_complete %(prog_name)s 2>/dev/null)}")
    [[ $PREFIX == --*=* ]] && compset -P 1 '*='

    for type key descr in ${response}; do
        if [[ "$type" == "plain" ]]; then
            if [[ "$descr" == "_" ]]; then
                plain+=("$key")
            else
                described+=("$key":"$descr")
            fi
        elif [[ "$type" == "dir" ]]; then
            _path_files -/
        elif [[ "$type" == "file" ]]; then
            _path_files -f
        fi
    done

    (( $#described )) && _describe -V unsorted described
    (( $#plain )) && compadd -V unsorted -a plain
    return 0
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    # autoload from fpath, call function directly
    %(complete_func)s "$@"
else
    # eval/source/. command, register function for later
    compdef %(complete_func)s %(prog_name)s
fi
"""

_FISH: Final = """\
function %(complete_func)s
    set -l prefix (commandline -ct | string match -r -- '^--[^=]+=')
    for completion in (env COMP_WORDS=(commandline -cp | string collect) %(complete_var)s=fish_complete %(prog_name)s 2>/dev/null)
        set -l parts (string split -m 1 "," -- $completion)

        if test "$parts[1]" = dir
            printf "%%s\\n" "$prefix"(__fish_complete_directories $parts[2])
        else if test "$parts[1]" = file
            printf "%%s\\n" "$prefix"(complete -C"'' "(string escape -- $parts[2]))
        else if test "$parts[1]" = plain
            printf "%%s\\n" "$prefix"$parts[2]
        end
    end
end

complete --no-files --command %(prog_name)s --arguments "(%(complete_func)s)"
"""

_BREAKS: Final = re.compile(r"[\r\n\t]+")
_END: Final = "\0"
"""Put behind the line, so that its last word is known also when it is empty, quoted or half escaped."""


class _Mended(ShellComplete):
    """What the three have in common."""

    def source(self) -> str:
        """The script; without Click's look at which bash is installed here, for it may be meant for another machine."""
        return self.source_template % self.source_vars()

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words before the cursor and the one at the cursor, from the command line up to there."""
        words = split_arg_string(os.environ["COMP_WORDS"] + _END)
        return words[1:-1], words[-1].removesuffix(_END)

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
        """What may stand there; nothing where anything is wrong, for a TAB must never print a traceback."""
        try:
            return super().get_completions(args, incomplete)
        except Exception:  # noqa: BLE001
            return []

    def format_completion(self, item: CompletionItem[Any]) -> str:
        """One completion as the script reads it; its help on one line."""
        return super().format_completion(CompletionItem(item.value, item.type, _BREAKS.sub(" ", item.help) if item.help else None))


class Bash(_Mended, BashComplete):
    """bash replaces only what stands behind `=`, so values come bare."""

    source_template = _BASH


class Zsh(_Mended, ZshComplete):
    """The script takes `--option=` off the word before values are matched."""

    source_template = _ZSH


class Fish(_Mended, FishComplete):
    """The script puts `--option=` before every value, for fish matches whole words."""

    source_template = _FISH


COMPLETERS: Final[dict[str, type[_Mended]]] = {"bash": Bash, "zsh": Zsh, "fish": Fish}


def register() -> None:
    """Have Click complete by these classes."""
    for name, completer in COMPLETERS.items():
        add_completion_class(completer, name)
