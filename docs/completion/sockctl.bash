# SPDX-License-Identifier: LGPL-2.1-or-later
# bash completion for sockctl(1); a test compares the words with sockctl --help

_sockctl_fields() {
	sockctl --columns=help --no-legend --no-pager 2>/dev/null | cut -d' ' -f1
}

# The last of names with commas between, each perhaps with a sign before it.
_sockctl_list() {
	local cur=$1 sign=$2 before="" word
	case $cur in
	*,*) before=${cur%,*}, cur=${cur##*,} ;;
	esac
	case $cur in
	[$sign]*) before=$before${cur:0:1} cur=${cur:1} ;;
	esac
	for word in $3; do
		case $word in
		"$cur"*) COMPREPLY+=("$before$word") ;;
		esac
	done
	compopt -o nospace
}

_sockctl() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} verb="" word i
	local verbs="show stat monitor internals flow status describe record help"
	local short="-h -V -j -q -t -u -x -w -0 -S -M -d -l -a -B -4 -6 -f -A -N -n -r -p -T -e -m -i -o -O -H -Q -s -K -C"
	local long="--help --version --file= --direct --bus= --no-pager --no-legend --color= --json --json= --quiet
		--tcp --udp --unix --raw --packet --sctp --mptcp --dccp --vsock --tipc --xdp --listening --all
		--bound-inactive --ipv4 --ipv6 --family= --query= --net= --numeric --resolve --processes --threads
		--extended --memory --info --options --oneline --no-header --no-queues --summary --kill --columns=
		--sort= --group-by= --limit= --output= --format= --exists --no-owners --by= --fresh
		--max-age= --open --close --state --initial --count= --dot"

	COMPREPLY=()
	# readline breaks words at "=": --output = json
	if [ "$cur" = "=" ]; then
		cur="" word=$prev
	elif [ "$prev" = "=" ]; then
		word=${COMP_WORDS[COMP_CWORD-2]}
	else
		word=$prev
	fi
	case $word in
	--file)
		compopt -o default
		return ;;
	--bus) COMPREPLY=($(compgen -W "system session unix:path=" -- "$cur")); return ;;
	--color) COMPREPLY=($(compgen -W "auto always never" -- "$cur")); return ;;
	--json) COMPREPLY=($(compgen -W "short pretty seq off" -- "$cur")); return ;;
	--output) COMPREPLY=($(compgen -W "table csv tsv kv json json-pretty json-seq" -- "$cur")); return ;;
	-f|--family) COMPREPLY=($(compgen -W "link unix inet ax25 ipx appletalk x25 inet6 key netlink packet rds pppox llc can tipc bluetooth rxrpc phonet ieee802154 alg nfc vsock kcm qipcrtr smc xdp mctp" -- "$cur")); return ;;
	-A|--query)
		_sockctl_list "$cur" '!' "all inet tcp udp raw mptcp dccp sctp unix unix_stream unix_dgram unix_seqpacket
			packet packet_raw packet_dgram netlink vsock vsock_stream vsock_dgram tipc xdp smc"
		return ;;
	-N|--net) COMPREPLY=($(compgen -W "$(ip netns list 2>/dev/null | cut -d' ' -f1)" -- "$cur")); return ;;
	-C|--columns) _sockctl_list "$cur" '+-' "help $(_sockctl_fields)"; return ;;
	--sort) _sockctl_list "$cur" '-' "$(_sockctl_fields)"; return ;;
	--group-by|--by) _sockctl_list "$cur" '' "$(_sockctl_fields)"; return ;;
	--limit|--format|--count|--max-age) return ;;
	esac

	for ((i = 1; i < COMP_CWORD; i++)); do
		case " $verbs " in
		*" ${COMP_WORDS[i]} "*) verb=${COMP_WORDS[i]}; break ;;
		esac
	done
	case $cur in
	--*)
		COMPREPLY=($(compgen -W "$long" -- "$cur"))
		[[ ${COMPREPLY[0]} == *= ]] && compopt -o nospace
		return ;;
	-*) COMPREPLY=($(compgen -W "$short" -- "$cur")); return ;;
	esac
	case $verb in
	"") COMPREPLY=($(compgen -W "$verbs" -- "$cur")) ;;
	help) COMPREPLY=($(compgen -W "$verbs" -- "$cur")) ;;
	describe) COMPREPLY=($(compgen -W "$(_sockctl_fields)" -- "$cur")) ;;
	record) compopt -o default ;;
	show|stat|monitor|internals|flow)
		COMPREPLY=($(compgen -W "state exclude and or not src dst sport dport dev cgroup has
			pid: ino: sk: tcp: udp: $(_sockctl_fields)" -- "$cur"))
		[[ ${COMPREPLY[0]} == *: ]] && compopt -o nospace ;;
	esac
}

complete -F _sockctl sockctl
