#compdef sockctl
# SPDX-License-Identifier: LGPL-2.1-or-later
# zsh completion for sockctl(1): verbs and options are those of its --help, names are asked for live

_sockctl_verbs() {
	local -a verbs
	verbs=(${(f)"$(sockctl --help 2>/dev/null | sed -n 's/^  \([a-z][a-z]*\)\( .*\)\{0,1\}$/\1/p')"})
	_describe -t verbs verb verbs
}

# Name and meaning of each field, and the same of its alias.
_sockctl_fields() {
	local -a fields
	fields=(${(f)"$(sockctl describe --output=tsv 2>/dev/null | sed 1d |
		awk -F'\t' '{ gsub(/:/, "\\:", $7); print $1 ":" $7; if ($2 != "") print $2 ":" $7 }')"})
	_describe -t fields field fields "$@"
}

_sockctl_field_list() {
	compset -P '*,'
	compset -P '[+-]'
	_sockctl_fields -S ''
}

# The values that a field has now, each once.
_sockctl_values() {
	sockctl show --no-legend --no-pager -H -C $1 2>/dev/null | sed 's/^ *//; s/ *$//; /^-$/d' | sort -u
}

_sockctl_targets() {
	local -a units ports namespaces
	units=(${(f)"$(_sockctl_values unit)"})
	namespaces=(netns:${(f)^"$(_sockctl_values netns_name)"})
	ports=(${(f)"$(sockctl show -l --no-legend --no-pager -H -C local_port 'family = inet or family = inet6' 2>/dev/null |
		sed 's/^ *//' | sort -un | sed -n 's/^\([0-9][0-9]*\) *$/:\1/p')"})
	(( $#units )) && compadd -X unit -a units
	(( $#ports )) && compadd -X port -a ports
	(( $#namespaces )) && compadd -X namespace -a namespaces
	compadd -X target -S '' pid: ino: sk: uid: tcp: udp: netns: unit: container:
}

_sockctl_netns() {
	local -a names
	names=(${(f)"$(_sockctl_values netns_name)"})
	compadd -a names
}

# "  -x, --name=ARG   help" becomes what _arguments takes; what an argument can be is told below.
_sockctl_options() {
	local line short long arg text action spec
	reply=()
	for line in ${(f)"$(sockctl --help 2>/dev/null | grep -E '^  (-.|    --)')"}; do
		short=${${(M)line#  -[^-]}#  }
		long=${(M)line##*--[a-z][a-z0-9-]#(=|\[=|)} long=${long##* }
		text=${${${line[29,-1]}//[\[\]:]/ }## #}
		[[ ${line[1,28]} == *(=|\[=)* ]] && arg=1 || arg=
		long=${${long%%\[=}%=}
		case ${long:-$short} in
		--file) action=':file:_files' ;;
		--bus) action=':bus:(system session unix\:path=)' ;;
		--color) action=':when:(auto always never)' ;;
		--json) action='::mode:(short pretty seq off)' ;;
		--output) action=':format:(table csv tsv kv json json-pretty json-seq)' ;;
		--columns|--sort|--group-by|--by) action=':fields:_sockctl_field_list' ;;
		--net) action=':namespace:_sockctl_netns' ;;
		*) action=${arg:+:value: } ;;
		esac
		[[ -n $short ]] && reply+=("*${short}[$text]$action")
		[[ -n $long ]] && reply+=("*${long}${arg:+=}[$text]${action}")
	done
}

_sockctl_words() {
	local word
	for word in ${words[2,CURRENT-1]}; do
		case $word in
		describe) _sockctl_fields; return ;;
		record) _files; return ;;
		help) _sockctl_verbs; return ;;
		status) return ;;
		show|stat|monitor|internals|flow|kill|peers) _sockctl_targets; _sockctl_fields; return ;;
		esac
	done
	_sockctl_verbs
	_sockctl_targets
}

_sockctl() {
	setopt localoptions extendedglob
	local -a reply
	_sockctl_options
	# One colon: the verb is looked for in all words, which two would cut.
	_arguments -s "$reply[@]" '*:word:_sockctl_words'
}

_sockctl "$@"
