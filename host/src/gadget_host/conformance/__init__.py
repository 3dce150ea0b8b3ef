"""This host as the conformance suite sees it: an adapter that speaks the suite's protocol."""
