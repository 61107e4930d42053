# SPDX-License-Identifier: LGPL-2.1-or-later
# fish completion for sockctl(1): verbs and options are those of its --help, names are asked for live

function __sockctl_verbs
    # A long verb stands on a line of its own, its help on the next.
    sockctl --help 2>/dev/null | string match -r '^  [a-z]+(?: .*)?$' | string match -r '[a-z]+' | string collect -N | string split \n
end

function __sockctl_verb
    set -l verbs (__sockctl_verbs)
    for word in (commandline -opc)[2..-1]
        if contains -- $word $verbs
            echo $word
            return 0
        end
    end
    return 1
end

function __sockctl_verb_is
    contains -- (__sockctl_verb; or echo show) $argv
end

function __sockctl_fields
    # Name, alias, type, unit, group, access, meaning: a line for the name, and one for the alias.
    sockctl describe --output=tsv 2>/dev/null | tail -n +2 | while read -l -d \t name alias type unit group access meaning
        printf '%s\t%s\n' $name $meaning
        test -n "$alias"; and printf '%s\t%s\n' $alias $meaning
    end
end

# The values that a field has now, each once.
function __sockctl_values
    sockctl show --no-legend --no-pager -H -C $argv[1] 2>/dev/null | string trim | sort -u | string match -v -- -
end

function __sockctl_targets
    __sockctl_values unit
    sockctl show -l --no-legend --no-pager -H -C local_port 'family = inet or family = inet6' 2>/dev/null | string trim | sort -un | string replace -r '^(\d+)$' ':$1'
    __sockctl_values netns_name | string replace -r '^' netns:
end

# Options: "  -x, --name=ARG   help"
function __sockctl_options
    sockctl --help 2>/dev/null | string match -r '^  (?:-\w|    --).*'
end

for line in (__sockctl_options)
    set -l short (string match -rg '^  -(\w)' -- $line)
    set -l long (string match -rg -- '--([a-z][a-z0-9-]*)' $line)
    set -l text (string match -rg '  (\S[^-].*)$' -- (string replace -r '^  .{26}' '' -- "  $line"))
    set -l args -c sockctl
    test -n "$short"; and set -a args -s $short
    test -n "$long[1]"; and set -a args -l $long[1]
    string match -qr -- '--[a-z-]+=|-\w [A-Z]' $line; and set -a args -x
    complete $args -d "$text"
end

complete -c sockctl -f
complete -c sockctl -n 'not __sockctl_verb >/dev/null' -a '(__sockctl_verbs)'
complete -c sockctl -n '__sockctl_verb_is show stat monitor internals flow kill peers' -a '(__sockctl_targets)'
complete -c sockctl -n '__sockctl_verb >/dev/null; and __sockctl_verb_is show stat monitor internals flow kill peers describe' -a '(__sockctl_fields)'
complete -c sockctl -n '__sockctl_verb_is help' -a '(__sockctl_verbs)'
complete -c sockctl -n '__sockctl_verb_is record' -F
complete -c sockctl -s C -l columns -x -a '(__sockctl_fields)'
complete -c sockctl -l sort -x -a '(__sockctl_fields)'
complete -c sockctl -l group-by -x -a '(__sockctl_fields)'
complete -c sockctl -l by -x -a '(__sockctl_fields)'
complete -c sockctl -s N -l net -x -a '(__sockctl_values netns_name)'
complete -c sockctl -l file -r -F
complete -c sockctl -l bus -x -a 'system session unix:path='
complete -c sockctl -l color -x -a 'auto always never'
complete -c sockctl -l json -x -a 'short pretty seq off'
complete -c sockctl -l output -x -a 'table csv tsv kv json json-pretty json-seq'
