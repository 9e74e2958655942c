function _vidup_completion
    set -l prefix (commandline -ct | string match -r -- '^--[^=]+=')
    for completion in (env COMP_WORDS=(commandline -cp | string collect) _VIDUP_COMPLETE=fish_complete vidup 2>/dev/null)
        set -l parts (string split -m 1 "," -- $completion)

        if test "$parts[1]" = dir
            printf "%s\n" "$prefix"(__fish_complete_directories $parts[2])
        else if test "$parts[1]" = file
            printf "%s\n" "$prefix"(complete -C"'' "(string escape -- $parts[2]))
        else if test "$parts[1]" = plain
            printf "%s\n" "$prefix"$parts[2]
        end
    end
end

complete --no-files --command vidup --arguments "(_vidup_completion)"
