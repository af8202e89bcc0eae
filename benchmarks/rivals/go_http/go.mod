module weft/benchmarks/rivals/go_http

go 1.19
