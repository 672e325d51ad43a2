{{/*
Fails when the definitions are not in the cluster: without them nothing that the operator watches exists.
`helm template` has no cluster to ask and passes: there `lookup` finds nothing at all, not even kube-system.
*/}}
{{- define "covey.requireDefinitions" -}}
{{- if not (.Capabilities.APIVersions.Has "covey.dev/v1alpha1/Agent") -}}
{{- if lookup "v1" "Namespace" "" "kube-system" -}}
{{- if not (lookup "apiextensions.k8s.io/v1" "CustomResourceDefinition" "" "agents.covey.dev") -}}
{{- fail "\n\nThe definitions of Covey's kinds are not in this cluster. Install them first:\n\n    helm upgrade --install covey-crds charts/covey-crds\n" -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
