"""Linear algebra: the decompositions, each readable, each with a gradient that holds.

What factors a matrix by LAPACK or iterates on it refuses float16 and bfloat16 with a TypeError
that names the argument; products, vector norms, elimination and the other references take them.
"""

from jaxmath.linalg.axioms import (
    InnerProductCheck,
    LinearMapCheck,
    MetricCheck,
    is_inner_product,
    is_linear_map,
    is_metric,
)
from jaxmath.linalg.characteristic import (
    GershgorinDiscs,
    characteristic_polynomial,
    gershgorin_discs,
)
from jaxmath.linalg.cholesky_updates import CholeskyDowndate, cholesky_downdate, cholesky_update
from jaxmath.linalg.definite import (
    LDL,
    SafeCholesky,
    cholesky,
    cholesky_reference,
    ldl,
    safe_cholesky,
)
from jaxmath.linalg.determinants import cofactor_determinant, cramer, det, slogdet
from jaxmath.linalg.echelon import RowEchelon, reduced_row_echelon, row_echelon
from jaxmath.linalg.eigen_iterations import (
    inverse_iteration,
    inverse_iteration_init,
    inverse_iteration_step,
    power_iteration,
    power_iteration_init,
    power_iteration_step,
    rayleigh_quotient_iteration,
    rayleigh_quotient_iteration_init,
    rayleigh_quotient_iteration_step,
)
from jaxmath.linalg.elimination import (
    back_substitution,
    forward_substitution,
    gaussian_elimination,
    lu,
    lu_reference,
    permutation_matrix,
)
from jaxmath.linalg.gram_schmidt import classical_gram_schmidt, modified_gram_schmidt
from jaxmath.linalg.independence import change_of_basis, linearly_independent, nullity, rank
from jaxmath.linalg.least_squares import LstsqResult, lstsq, pinv
from jaxmath.linalg.low_rank import low_rank_approximation, randomized_svd
from jaxmath.linalg.nonsymmetric import (
    Diagonalization,
    Eig,
    Schur,
    diagonalize,
    eig,
    eigvals,
    qr_algorithm,
    schur,
)
from jaxmath.linalg.norms import matrix_norm, vector_norm
from jaxmath.linalg.orthogonality import givens_qr, householder_qr, qr
from jaxmath.linalg.pca import PCAResult, pca
from jaxmath.linalg.procrustes import Alignment, kabsch, orthogonal_procrustes, polar
from jaxmath.linalg.products import (
    angle,
    hadamard,
    inner,
    kronecker,
    matmul,
    outer,
    project_onto_subspace,
    project_onto_vector,
    trace,
)
from jaxmath.linalg.reflections import PivotedQR, hessenberg, qr_pivoted
from jaxmath.linalg.solve import SolveInfo, inv, solve, solve_info
from jaxmath.linalg.spaces import (
    FourSubspaces,
    Subspace,
    column_space,
    four_subspaces,
    left_null_space,
    null_space,
    row_space,
)
from jaxmath.linalg.spectral import spectral_fn, spectral_sum
from jaxmath.linalg.svd import condition_number, jacobi_svd, svd, svdvals
from jaxmath.linalg.symmetric import (
    Eigh,
    GeneralizedEigh,
    eigh,
    eigvalsh,
    generalized_eigh,
    is_positive_definite,
    jacobi_eigh,
    quadratic_form,
)
from jaxmath.linalg.systems import SystemClass, SystemKind, classify_system

__all__ = [
    "LDL",
    "Alignment",
    "CholeskyDowndate",
    "Diagonalization",
    "Eig",
    "Eigh",
    "FourSubspaces",
    "GeneralizedEigh",
    "GershgorinDiscs",
    "InnerProductCheck",
    "LinearMapCheck",
    "LstsqResult",
    "MetricCheck",
    "PCAResult",
    "PivotedQR",
    "RowEchelon",
    "SafeCholesky",
    "Schur",
    "SolveInfo",
    "Subspace",
    "SystemClass",
    "SystemKind",
    "angle",
    "back_substitution",
    "change_of_basis",
    "characteristic_polynomial",
    "cholesky",
    "cholesky_downdate",
    "cholesky_reference",
    "cholesky_update",
    "classical_gram_schmidt",
    "classify_system",
    "cofactor_determinant",
    "column_space",
    "condition_number",
    "cramer",
    "det",
    "diagonalize",
    "eig",
    "eigh",
    "eigvals",
    "eigvalsh",
    "forward_substitution",
    "four_subspaces",
    "gaussian_elimination",
    "generalized_eigh",
    "gershgorin_discs",
    "givens_qr",
    "hadamard",
    "hessenberg",
    "householder_qr",
    "inner",
    "inv",
    "inverse_iteration",
    "inverse_iteration_init",
    "inverse_iteration_step",
    "is_inner_product",
    "is_linear_map",
    "is_metric",
    "is_positive_definite",
    "jacobi_eigh",
    "jacobi_svd",
    "kabsch",
    "kronecker",
    "ldl",
    "left_null_space",
    "linearly_independent",
    "low_rank_approximation",
    "lstsq",
    "lu",
    "lu_reference",
    "matmul",
    "matrix_norm",
    "modified_gram_schmidt",
    "null_space",
    "nullity",
    "orthogonal_procrustes",
    "outer",
    "pca",
    "permutation_matrix",
    "pinv",
    "polar",
    "power_iteration",
    "power_iteration_init",
    "power_iteration_step",
    "project_onto_subspace",
    "project_onto_vector",
    "qr",
    "qr_algorithm",
    "qr_pivoted",
    "quadratic_form",
    "randomized_svd",
    "rank",
    "rayleigh_quotient_iteration",
    "rayleigh_quotient_iteration_init",
    "rayleigh_quotient_iteration_step",
    "reduced_row_echelon",
    "row_echelon",
    "row_space",
    "safe_cholesky",
    "schur",
    "slogdet",
    "solve",
    "solve_info",
    "spectral_fn",
    "spectral_sum",
    "svd",
    "svdvals",
    "trace",
    "vector_norm",
]
