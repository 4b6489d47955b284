/**
 * The completion scripts. Each passes the words and the cursor position to `wsctl internal
 * complete`, and offers the lines that it prints. The output is never evaluated, only compared and
 * cut as text.
 */

/** If the program was called by its path, this program is used, otherwise the one in PATH. */
const bash = `
# Completion of wsctl for bash: source <(wsctl completion bash)
_wsctl() {
  local program=\${COMP_WORDS[0]/#\\~\\//$HOME/} breaks="" words=() index=0 isGlued="" i word
  [[ $program == */* && -x $program ]] || program=wsctl
  # bash takes words apart at these characters; here they belong together.
  [[ $COMP_WORDBREAKS == *=* ]] && breaks+="="
  [[ $COMP_WORDBREAKS == *:* ]] && breaks+=":"
  for ((i = 0; i < \${#COMP_WORDS[@]}; i++)); do
    word=\${COMP_WORDS[i]}
    if ((i < COMP_CWORD)); then
      if [[ $word == \\"*\\" || $word == \\'*\\' ]]; then word=\${word:1:\${#word}-2}; fi
      word=\${word/#\\~\\//$HOME/}
    fi
    if [[ -n $breaks && i -gt 0 && ( -n $isGlued || $word == [$breaks]* ) ]]; then
      words[\${#words[@]}-1]+=$word
    else
      words+=("$word")
    fi
    isGlued=""
    [[ -n $breaks && $word == [$breaks] ]] && isGlued=yes
    ((i == COMP_CWORD)) && index=$((\${#words[@]} - 1))
  done
  local current=\${words[index]} cut="" line
  [[ -n $breaks ]] && cut=\${current%"\${current##*[$breaks]}"}
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :files | :dirs)
        # Outside of a completion, and in an old bash, there is no compopt.
        if [[ $line == :files ]]; then
          compopt -o default 2>/dev/null && return
          while IFS= read -r line; do COMPREPLY+=("$line"); done \\
            < <(compgen -f -- "\${current#"$cut"}")
        else
          compopt -o dirnames 2>/dev/null && return
          while IFS= read -r line; do COMPREPLY+=("$line"); done \\
            < <(compgen -d -- "\${current#"$cut"}")
        fi
        return
        ;;
      *=) compopt -o nospace 2>/dev/null ;;
    esac
    COMPREPLY+=("\${line#"$cut"}")
  done < <("$program" internal complete --index "$index" -- "\${words[@]}" 2>/dev/null </dev/null)
  compopt -o nosort 2>/dev/null
  return 0
}
complete -F _wsctl wsctl
`;

const zsh = `
#compdef wsctl
# Completion of wsctl for zsh: source <(wsctl completion zsh)
_wsctl() {
  local -a typed lines plain open
  local program line value text tab=$'\\t'
  typed=("\${(@Q)words}")
  typed=("\${(@)typed/#\\~\\//$HOME/}")
  program=$typed[1]
  [[ $program == */* && -x $program ]] || program=wsctl
  lines=("\${(@f)$(command $program internal complete --describe --index $((CURRENT - 1)) -- "\${(@)typed}" 2>/dev/null </dev/null)}")
  case $lines[1] in
    ('') return 1 ;;
    (:files)
      [[ $PREFIX == -*=* ]] && compset -P '*='
      _files
      return
      ;;
    (:dirs)
      [[ $PREFIX == -*=* ]] && compset -P '*='
      _files -/
      return
      ;;
  esac
  for line in $lines; do
    value=\${line%%$tab*} text=""
    [[ $line == *$tab* ]] && text=:\${line#*$tab}
    if [[ $value == *= ]]; then
      open+=("\${value//:/\\\\:}$text")
    else
      plain+=("\${value//:/\\\\:}$text")
    fi
  done
  (( $#plain )) && _describe -V -t wsctl wsctl plain
  (( $#open )) && _describe -V -t wsctl wsctl open -S ''
  return 0
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit -i }
if [[ $funcstack[1] == _wsctl ]]; then _wsctl "$@"; else compdef _wsctl wsctl; fi
`;

const fish = `
# Completion of wsctl for fish: wsctl completion fish | source
function __wsctl_complete
    set -l before (commandline -opc | string replace -r '^~/' "$HOME/")
    set -l word (commandline -ct)
    set -l program wsctl
    if string match -q '*/*' -- $before[1]; and test -x "$before[1]"
        set program $before[1]
    end
    set -l lines (command $program internal complete --describe --index (count $before) -- $before "$word" 2>/dev/null </dev/null)
    if contains -- "$lines[1]" :files :dirs
        set -l flag (string match -r -- '^-[^=]*=' "$word")
        set -l value (string replace -r -- '^-[^=]*=' '' "$word")
        if test "$lines[1]" = :files
            set lines "$flag"(__fish_complete_path "$value")
        else
            set lines "$flag"(__fish_complete_directories "$value")
        end
    end
    test (count $lines) -gt 0; and printf '%s\\n' $lines
end
complete -c wsctl -k -f -a '(__wsctl_complete)'
`;

/** The scripts by the name of the shell. */
export const shells: Readonly<Record<string, string>> = { bash, zsh, fish };
