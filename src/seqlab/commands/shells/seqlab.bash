# Completes `seqlab`, `python -m train` and `python -m seqlab` in bash. For every new shell:
#   python -m seqlab completion bash >> ~/.bashrc

_seqlab_reply() { # PROGRAM...: asks it for what may follow
    local line
    COMPREPLY=()
    compopt +o default +o bashdefault 2>/dev/null
    while IFS= read -r line; do
        COMPREPLY+=("$line")
    done < <("$@" completion bash -- "${COMP_LINE:0:COMP_POINT}" "$COMP_WORDBREAKS" 2>/dev/null)
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[=./,] ]]; then
        compopt -o nospace 2>/dev/null
    fi
}

_seqlab_script() {
    _seqlab_reply "${1/#\~\//$HOME/}"
}

_seqlab_python() {
    local at=1
    while [[ ${COMP_WORDS[at]-} == -* && ${COMP_WORDS[at]} != -m ]]; do at=$((at + 1)); done
    if [[ ${COMP_WORDS[at]-} == -m && $COMP_CWORD -gt $((at + 1)) ]]; then
        # In a folder with a train.py of its own, `python -m train` is not seqlab's.
        if [[ ${COMP_WORDS[at + 1]} == seqlab ||
            (${COMP_WORDS[at + 1]} == train && ! -e train.py && ! -e train/__init__.py) ]]; then
            _seqlab_reply "${1/#\~\//$HOME/}" -P -m seqlab
            return
        fi
    fi
    if [[ ${_seqlab_former-} ]]; then "$_seqlab_former" "$@"; fi
}

# Every other `python ...` is completed as before.
if ! complete -p python &>/dev/null; then
    if declare -F _comp_load &>/dev/null; then
        _comp_load python
    elif declare -F _completion_loader &>/dev/null; then
        _completion_loader python
    fi
fi
if [[ $(complete -p python 2>/dev/null) =~ -F\ ([^ ]+) && ${BASH_REMATCH[1]} != _seqlab_python ]]; then
    _seqlab_former=${BASH_REMATCH[1]}
fi
complete -o bashdefault -o default -F _seqlab_python python python3
complete -o bashdefault -o default -F _seqlab_script seqlab
