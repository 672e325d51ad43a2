// The first process of every pod, and of the node itself.
module covey.dev/hack/cluster/pause

go 1.24
