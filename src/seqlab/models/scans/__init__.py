"""Recurrences over time as autograd functions: what `nn.RNN`, `nn.GRU` and `nn.LSTM` compute.

Each takes the inputs already multiplied by the input weights, for all steps at once; one product
a step is left forward and one backward, and the gradient of the recurrent weights is one product
over all steps. The memory of those inputs is taken for the activations, which spares a copy: they
must be needed by nobody else, or the backward pass says that they were modified.
"""
