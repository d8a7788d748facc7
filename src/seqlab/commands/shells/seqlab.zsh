# Completes `seqlab`, `python -m train` and `python -m seqlab` in zsh. For every new shell:
#   python -m seqlab completion zsh >> ~/.zshrc

_seqlab_reply() { # PROGRAM...: asks it for what may follow, with a + where the word goes on
    local answer
    local -a open closed
    for answer in "${(@f)$("$@" completion zsh -- "${(@Q)words[1,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}"; do
        case $answer in
            +*) open+=(${answer#+}) ;;
            -*) closed+=(${answer#-}) ;;
        esac
    done
    (( $#open )) && _describe -V 'seqlab' open -S ''
    (( $#closed )) && _describe -V 'seqlab' closed
    (( $#open + $#closed ))
}

_seqlab_script() { _seqlab_reply "${(Q)words[1]/#\~\//$HOME/}" }

_seqlab_python() {
    local at=2
    while [[ $words[at] == -* && $words[at] != -m ]]; do (( at++ )); done
    # In a folder with a train.py of its own, `python -m train` is not seqlab's.
    if [[ $words[at] == -m && $CURRENT -gt $((at + 1)) ]] &&
        [[ $words[at+1] == seqlab ||
            ( $words[at+1] == train && ! -e train.py && ! -e train/__init__.py ) ]]; then
        _seqlab_reply "${(Q)words[1]/#\~\//$HOME/}" -P -m seqlab
    else
        $_seqlab_former "$@"
    fi
}

(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
# Every other `python ...` is completed as before.
[[ ${_comps[python]} == _seqlab_python ]] || typeset -g _seqlab_former=${_comps[python]:-_default}
compdef _seqlab_python python python3
compdef _seqlab_script seqlab
