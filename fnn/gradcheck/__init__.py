"""The gradient checker: is a hand-written backward pass right, and if not, where and why?"""

from fnn.gradcheck.causes import CAUSES, Cause
from fnn.gradcheck.check import check_gradient, check_vjp
from fnn.gradcheck.network import check_network
from fnn.gradcheck.problem import Unusable
from fnn.gradcheck.report import Report

__all__ = ["CAUSES", "Cause", "Report", "Unusable", "check_gradient", "check_network", "check_vjp"]
