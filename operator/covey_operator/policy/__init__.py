"""What an installation lets people say in Covey's kinds: the chart's `policy`, held to by the operator.

ValidatingAdmissionPolicies of the chart refuse the same at the API server, and know who asks. The operator
does not rely on them: an object may be older than the policy, the policy may be absent, and what a resource
names (a Flow, a Model, a Secret) may have changed since.
"""
