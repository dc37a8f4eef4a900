"""The optimizers that the documents name, each a function of its learning rate."""

from fnn import optim

RULES = {
    "SGD": optim.sgd,
    "Momentum": optim.momentum,
    "Nesterov": optim.nesterov,
    "AdaGrad": optim.adagrad,
    "AdaDelta": optim.adadelta,
    "RMSProp": optim.rmsprop,
    "Adam": optim.adam,
}
