{{/* The release's part of every name: `covey` for a release called covey. */}}
{{- define "covey.prefix" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains "covey" .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-covey" (.Release.Name | trunc 34 | trimSuffix "-") -}}
{{- end -}}
{{- end -}}

{{- define "covey.operator" -}}
{{- include "covey.prefix" . }}-operator
{{- end -}}

{{- define "covey.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (include "covey.operator" .) -}}
{{- end -}}

{{/* The labels that select the operator's pod. They never change: a Deployment's selector is immutable. */}}
{{- define "covey.selector" -}}
app.kubernetes.io/name: covey
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end -}}

{{- define "covey.labels" -}}
{{ include "covey.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: covey
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* An image's address. Takes a list: the root, and one of .Values.images.{operator,runtime,store}. */}}
{{- define "covey.image" -}}
{{- $root := index . 0 -}}
{{- $image := index . 1 -}}
{{- $registry := $image.registry | default $root.Values.images.registry -}}
{{- with $registry }}{{ trimSuffix "/" . }}/{{ end -}}
{{- $image.repository -}}
{{- if $image.digest -}}
@{{ $image.digest }}
{{- else -}}
:{{ $image.tag | default $root.Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{/* Environment variables from .Values.openTelemetry; the operator hands them on to the pods that it makes. */}}
{{- define "covey.openTelemetry" -}}
{{- range $name, $value := .Values.openTelemetry }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end -}}

{{/* What the operator may do where it serves resources; the same in a ClusterRole and in a Role. */}}
{{- define "covey.rules" -}}
# Covey's own kinds: read them, and write nothing of them but their status.
- apiGroups: [covey.dev]
  resources: [agents, blackboards, flowruns, flows, models]
  verbs: [list, watch]
# Triggers create runs, and cancel those that a new one replaces; old ones are deleted.
- apiGroups: [covey.dev]
  resources: [flowruns]
  verbs: [create, patch, delete]
- apiGroups: [covey.dev]
  resources: [agents/status, blackboards/status, flowruns/status, flows/status, models/status]
  verbs: [patch]
# Children name their owner with blockOwnerDeletion, which clusters that run the admission plugin
# OwnerReferencesPermissionEnforcement allow only to those who may set the owner's finalizers.
- apiGroups: [covey.dev]
  resources: [agents/finalizers, blackboards/finalizers, flowruns/finalizers, flows/finalizers, models/finalizers]
  verbs: [update]
# What resources become. Server-side apply takes `patch`, and `create` for what is not there yet.
- apiGroups: [""]
  resources: [configmaps, secrets, serviceaccounts, services]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [apps]
  resources: [deployments, statefulsets]
  verbs: [get, list, watch, create, patch, delete]
# An agent that is suspended while a reference of it is broken is scaled to nothing, and not otherwise touched.
- apiGroups: [apps]
  resources: [deployments/scale]
  verbs: [patch]
- apiGroups: [batch]
  resources: [cronjobs, jobs]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, delete]
# The last words of a run's pod, and why pods wait: that stands in their status and in events about them and about
# what should create them. Events about changes of Covey's own kinds are written.
- apiGroups: [""]
  resources: [pods]
  verbs: [list]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, list]
{{- end -}}
