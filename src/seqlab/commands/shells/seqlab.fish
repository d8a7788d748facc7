# Completes `seqlab`, `python -m train` and `python -m seqlab` in fish. For every new shell:
#   python -m seqlab completion fish > ~/.config/fish/conf.d/seqlab.fish

function __seqlab_reply # PROGRAM...: asks it for what may follow
    command $argv completion fish -- (commandline -opc) (commandline -ct) 2>/dev/null
end

function __seqlab_python
    set -l words (commandline -opc)
    set -l at 2
    while set -q words[$at]; and string match -q -- '-*' $words[$at]; and test "$words[$at]" != -m
        set at (math $at + 1)
    end
    set -l module $at
    test "$words[$at]" = -m; or return 1
    set module (math $at + 1)
    # In a folder with a train.py of its own, `python -m train` is not seqlab's.
    test "$words[$module]" = seqlab
    or begin
        test "$words[$module]" = train; and not test -e train.py; and not test -e train/__init__.py
    end
end

complete -c seqlab -f -a '(__seqlab_reply (commandline -opc)[1])'
for name in python python3
    complete -c $name -n __seqlab_python -f -a '(__seqlab_reply (commandline -opc)[1] -P -m seqlab)'
end
