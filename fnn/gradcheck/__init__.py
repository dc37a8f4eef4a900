"""The gradient checker: find out whether a hand-written backward pass is right, where not, and why.

A loss, a gradient and a point go in. The gradient is compared with autodiff on every entry and with
differences of the loss on some, both in units of a measured noise floor. A `Report` comes out: a
verdict, a cause and a sentence about it, and the numbers of every tensor.

The modules, in the order of reading:

records, report, text  the results, and their printed form
causes                 the causes that a report may name, each with a remedy
check                  `check_gradient` and `check_vjp`: precision, points, vmap
network, layerwise     `check_network`: the whole gradient, then each layer with the true δ
problem                the arguments made ready, or refused as `Unusable`
point_check            all tensors at one point
tensors, compare       one tensor against its reference, in noise floors; its kinks
sampled                the same for a tensor that is too large to measure entry by entry
differences            derivatives from values of the loss alone
reference              the true gradient by autodiff, and its noise
noise, given_noise     rounding every operation in another way
flat_jaxpr, kinks      a traced function as a flat list of operations; tied comparisons in it
precision              the precision in which a gradient computes
compiled_loss          whether the compiler computes the loss that was written
verdict                from the check at a point to a report
evidence, diagnosis    why a gradient is wrong: the proposers, in the order in which they are asked
tensorwise, patterns   hypotheses about wrong tensors by themselves
replay, hypotheses/    hypotheses about a step of the backward pass, which is run with an error

To add a hypothesis about a tensor, write a pattern in `patterns`. To add one about the backward
pass, write a search in `hypotheses` and list it in `hypotheses.catalogue`. A new cause needs an
entry in `Cause`.
"""

from fnn.gradcheck.causes import Cause
from fnn.gradcheck.check import check_gradient, check_vjp
from fnn.gradcheck.network import check_network
from fnn.gradcheck.problem import Unusable
from fnn.gradcheck.report import Report
from fnn.renamed import renamed

__all__ = ["Cause", "Report", "Unusable", "check_gradient", "check_network", "check_vjp"]

renamed(__name__, {"CAUSES": "fnn.gradcheck.Cause, an enum"})
