module weft/benchmarks/rivals/go_echo

go 1.19
