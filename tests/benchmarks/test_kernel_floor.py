"""The floor of the smallest kernels, on the least of batches."""

from benchmarks import kernel_floor as bench


def test_every_row_is_printed(capsys):
    bench.main(["--batch", "16", "--runs", "1"])
    lines = capsys.readouterr().out.splitlines()
    names = [tuple(line.split()[:2]) for line in lines[1:]]
    assert names == [(name, str(n)) for name, n, *_ in bench.ROWS]
