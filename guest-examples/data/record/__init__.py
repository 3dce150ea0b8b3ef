"""Record what a workload opens and executes, as `ig run trace_open` and `ig run trace_exec` report it."""
