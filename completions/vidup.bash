_vidup_completion() {
    local IFS=$'\n' response completion type value

    response=$(env COMP_WORDS="${COMP_LINE:0:COMP_POINT}" _VIDUP_COMPLETE=bash_complete "$1" 2>/dev/null)

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

complete -o nosort -F _vidup_completion vidup
