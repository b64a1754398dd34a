"""What the engine, the journal and the live path cost, measured on the parts that the product runs.

`python -m benchmarks` prints the table and writes `benchmarks/latest.json`. How each row is measured stands in
docs/performance.md.
"""
