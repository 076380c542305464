"""What runs on a laptop only: the sandbox that a merchant starts, and the simulation that proves the promises.

`environment.Sandbox` has everything running; `up` and `demo` use it, and `simulation` needs none of it.
"""
