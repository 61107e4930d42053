# SPDX-License-Identifier: LGPL-2.1-or-later
# bash completion for sockctl(1): verbs and options are those of its --help, names are asked for live

_sockctl_verbs() {
	sockctl --help 2>/dev/null | sed -n 's/^  \([a-z][a-z]*\)\( .*\)\{0,1\}$/\1/p'
}

_sockctl_options() {
	sockctl --help 2>/dev/null | grep -E '^  (-.|    --)' | cut -c1-28 | grep -oE -- '--[a-z][a-z0-9-]*(=|\[=)?|-[A-Za-z0-9]\b' |
		sed 's/\[=$//'
}

# Names and aliases.
_sockctl_fields() {
	sockctl describe --output=tsv 2>/dev/null | sed 1d | cut -f1,2 | tr '\t' '\n' | sed '/^$/d'
}

# The values that a field has now, each once.
_sockctl_values() {
	sockctl show --no-legend --no-pager -H -C "$1" 2>/dev/null | sed 's/^ *//; s/ *$//; /^-$/d' | sort -u
}

_sockctl_targets() {
	_sockctl_values unit
	sockctl show -l --no-legend --no-pager -H -C local_port 'family = inet or family = inet6' 2>/dev/null |
		sed 's/^ *//' | sort -un | sed -n 's/^\([0-9][0-9]*\) *$/:\1/p'
	_sockctl_values netns_name | sed 's/^/netns:/'
}

# The last of names with commas between, each perhaps with a sign before it.
_sockctl_list() {
	local cur=$1 sign=$2 before="" word
	case $cur in
	*,*) before=${cur%,*}, cur=${cur##*,} ;;
	esac
	case $cur in
	["$sign"]*) before=$before${cur:0:1} cur=${cur:1} ;;
	esac
	for word in $3; do
		case $word in
		"$cur"*) COMPREPLY+=("$before$word") ;;
		esac
	done
	compopt -o nospace 2>/dev/null
}

_sockctl_reply() {
	local IFS=$'\n'

	COMPREPLY=($(compgen -W "$1" -- "$2"))
}

_sockctl() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} verb="" verbs word i

	COMPREPLY=()
	# readline breaks words at "=" and ":": --output = json, netns : blue
	if [ "$cur" = "=" ]; then
		cur="" word=$prev
	elif [ "$prev" = "=" ]; then
		word=${COMP_WORDS[COMP_CWORD-2]}
	else
		word=$prev
	fi
	case $word in
	--file)
		compopt -o default 2>/dev/null
		return ;;
	--bus) _sockctl_reply $'system\nsession\nunix:path=' "$cur"; return ;;
	--color) _sockctl_reply $'auto\nalways\nnever' "$cur"; return ;;
	--json) _sockctl_reply $'short\npretty\nseq\noff' "$cur"; return ;;
	--output) _sockctl_reply $'table\ncsv\ntsv\nkv\njson\njson-pretty\njson-seq' "$cur"; return ;;
	-f|--family) _sockctl_reply $'inet\ninet6\nlink\nunix\nnetlink\nvsock\ntipc\nxdp\nsmc' "$cur"; return ;;
	-A|--query)
		_sockctl_list "$cur" '!' "all inet tcp udp raw mptcp dccp sctp unix unix_stream unix_dgram unix_seqpacket
			packet packet_raw packet_dgram netlink vsock vsock_stream vsock_dgram tipc xdp smc"
		return ;;
	-N|--net) _sockctl_reply "$(_sockctl_values netns_name)" "$cur"; return ;;
	-C|--columns) _sockctl_list "$cur" '+-' "help $(_sockctl_fields)"; return ;;
	--sort) _sockctl_list "$cur" '-' "$(_sockctl_fields)"; return ;;
	--group-by|--by) _sockctl_list "$cur" '' "$(_sockctl_fields)"; return ;;
	--limit|--format|--count|--max-age) return ;;
	esac

	verbs=$(_sockctl_verbs)
	for ((i = 1; i < COMP_CWORD; i++)); do
		case $'\n'$verbs$'\n' in
		*$'\n'"${COMP_WORDS[i]}"$'\n'*) verb=${COMP_WORDS[i]}; break ;;
		esac
	done
	case $cur in
	-*)
		_sockctl_reply "$(_sockctl_options)" "$cur"
		[[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
		return ;;
	esac
	# Behind "netns:" and ":" only what follows the colon is this word.
	if [[ $prev == : && ${COMP_WORDS[COMP_CWORD-2]} == netns ]]; then
		_sockctl_reply "$(_sockctl_values netns_name)" "$cur"
		return
	elif [[ $cur == : || $prev == : ]]; then
		_sockctl_reply "$(_sockctl_targets | sed -n 's/^://p')" "${cur#:}"
		return
	fi
	case $verb in
	"") _sockctl_reply "$verbs"$'\n'"$(_sockctl_targets)" "$cur" ;;
	help) _sockctl_reply "$verbs" "$cur" ;;
	describe) _sockctl_reply "$(_sockctl_fields)" "$cur" ;;
	record) compopt -o default 2>/dev/null ;;
	show|stat|monitor|internals|flow|kill|peers)
		_sockctl_reply "$(printf '%s\n' state exclude and or not src dst sport dport dev cgroup has pid: ino: sk: tcp: udp: unit: \
			container: netns:)"$'\n'"$(_sockctl_targets)"$'\n'"$(_sockctl_fields)" "$cur"
		[[ ${COMPREPLY[0]} == *: ]] && compopt -o nospace 2>/dev/null ;;
	esac
}

complete -F _sockctl sockctl
