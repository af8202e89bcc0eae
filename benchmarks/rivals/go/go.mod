module weft/benchmarks/rivals/go

go 1.19
