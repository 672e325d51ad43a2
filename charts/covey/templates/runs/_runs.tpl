{{/*
The run store's objects are called covey-runs whatever the release is called: that is where the operator and all
pods look for it, in the operator's namespace.
*/}}
{{- define "covey.runs" -}}covey-runs{{- end -}}

{{/* The labels that select its pods. They never change: a StatefulSet's selector is immutable. */}}
{{- define "covey.runs.selector" -}}
app.kubernetes.io/name: covey
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: runs
{{- end -}}

{{- define "covey.runs.labels" -}}
{{ include "covey.runs.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: covey
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* Fails when the store cannot be as the values say. */}}
{{- define "covey.runs.require" -}}
{{- if and (gt (int .Values.runs.replicas) 1) (not .Values.runs.store.urlFrom) -}}
{{- fail (printf "\n\nruns.replicas is %d, but servers cannot share a file of SQLite: set runs.replicas to 1, or name a Redis or Postgres in runs.store.urlFrom.secretKeyRef\n" (int .Values.runs.replicas)) -}}
{{- end -}}
{{- with lookup "v1" "Service" .Release.Namespace (include "covey.runs" .) -}}
{{- $owner := dig "annotations" "meta.helm.sh/release-name" "" .metadata -}}
{{- if ne $owner $.Release.Name -}}
{{- $whose := ternary (printf "belongs to the release %s" $owner) "is not of a release" (ne $owner "") -}}
{{- fail (printf "\n\nThe Service covey-runs is in namespace %s already and %s. There is one run store in a namespace, and it has to have this name: install this release into another namespace, or set runs.enabled=false\n" $.Release.Namespace $whose) -}}
{{- end -}}
{{- end -}}
{{- end -}}
