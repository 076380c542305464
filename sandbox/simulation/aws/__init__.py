"""AWS in this process on virtual time: as much of DynamoDB, SQS, EventBridge, KMS, Secrets Manager and S3 as we use.

Front door: `account.Account`. It is a thousand times as fast as the local AWS (sandbox/cloud), counts what each request
costs, and can be stopped before and after each call. A conformance test (tests/sandbox/simulation/aws) sends the same
requests to both. It raises NotImplementedError for what it does not support.
"""
