"""AWS in this process, with virtual time: as much of DynamoDB, SQS, EventBridge, KMS, Secrets Manager and S3 as we use.

The local AWS (sandbox/cloud) is the nearer likeness; this one is a thousand times as fast, goes by a clock that is
moved by hand, counts what each request costs, and can be stopped before and after each call. A conformance test
(tests/sandbox/test_memory_conforms.py) puts the same requests to both. What it does not know, it refuses loudly.
"""
