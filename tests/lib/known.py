# SPDX-License-Identifier: GPL-2.0
"""Defects of stock kernels that docs/findings.md describes, and the tests of data have to bear."""


def known(t, got, right, wrong, name):
    """A defect that is there as it is known is a result; that it is gone is told, and no failure; anything else is one."""
    if got == right:
        t.skip(name, "this kernel has it mended")
    else:
        t.equal(got, wrong, f"{name}: wrong, as it is known")
