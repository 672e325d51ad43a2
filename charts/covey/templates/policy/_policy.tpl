{{/* Whether ValidatingAdmissionPolicies are made: they are objects of the whole cluster. */}}
{{- define "covey.policy.admission" -}}
{{- if or (eq .Values.policy.admission "Always") (and (eq .Values.policy.admission "Auto") (not .Values.watch.namespaces)) -}}
true
{{- end -}}
{{- end -}}

{{/*
Patterns, in which `*` stands for any characters, as a CEL list of regular expressions for whole texts. Takes the
list; one that ends with a slash allows all below it.
*/}}
{{- define "covey.policy.patterns" -}}
{{- $expressions := list -}}
{{- range . -}}
{{- $whole := ternary (printf "%s*" .) . (hasSuffix "/" .) -}}
{{- $expressions = append $expressions (printf "r'(?s)^%s$'" (regexQuoteMeta $whole | replace "\\*" ".*")) -}}
{{- end -}}
[{{ join ", " $expressions }}]
{{- end -}}

{{/*
The same for images. A registry is not a path: a `*` in its name, before the first slash, fits no slash. A tag says
nothing when a digest follows it, and is no port: where the pattern has a tag, neither may stand in its place.
*/}}
{{- define "covey.policy.images" -}}
{{- $expressions := list -}}
{{- range . -}}
{{- $whole := ternary (printf "%s*" .) . (hasSuffix "/" .) -}}
{{- $last := last (splitList "/" $whole) -}}
{{- $hasTag := and (contains ":" $last) (not (contains "@" $whole)) -}}
{{- $tag := ternary (printf ":%s" (last (splitList ":" $last))) "" $hasTag -}}
{{- $name := trimSuffix $tag $whole -}}
{{- $registry := ternary (first (splitList "/" $name)) "" (contains "/" $name) -}}
{{- $inName := ternary "[^@]*" ".*" $hasTag -}}
{{- $inRegistry := ternary $inName "[^/]*" (eq $registry "*") -}}
{{- $expression := printf "%s%s%s" (regexQuoteMeta $registry | replace "\\*" $inRegistry) (regexQuoteMeta (trimPrefix $registry $name) | replace "\\*" $inName) (regexQuoteMeta $tag | replace "\\*" "[^@/:]*") -}}
{{- $expressions = append $expressions (printf "r'(?s)^%s$'" $expression) -}}
{{- end -}}
[{{ join ", " $expressions }}]
{{- end -}}

{{/* The same for URLs of hosts: nothing before the host, and behind it only a port, a path or a query. */}}
{{- define "covey.policy.urls" -}}
{{- $expressions := list -}}
{{- range . -}}
{{- $place := ternary "([A-Za-z0-9.-]+|\\[[0-9A-Fa-f:.]+\\])" (regexQuoteMeta . | replace "\\*" "[A-Za-z0-9.-]*") (eq . "*") -}}
{{- $expressions = append $expressions (printf "r'(?is)^[a-z]+://%s(:[0-9]+)?([/?#].*)?$'" $place) -}}
{{- end -}}
[{{ join ", " $expressions }}]
{{- end -}}

{{/* A CEL list of texts. */}}
{{- define "covey.policy.texts" -}}
{{- $texts := list -}}
{{- range . -}}{{- $texts = append $texts (printf "'%s'" .) -}}{{- end -}}
[{{ join ", " $texts }}]
{{- end -}}

{{/* CEL: the settings of all pods of an object. Takes the variable's name, `object` or `oldObject`. */}}
{{- define "covey.policy.pods" -}}
[?{{ . }}.?spec.?pod, ?{{ . }}.?spec.?serve.?pod, ?{{ . }}.?spec.?server.?pod, ?{{ . }}.?spec.?store.?redis.?managed.?pod, ?{{ . }}.?spec.?store.?postgres.?managed.?pod, ?{{ . }}.?spec.?vector.?pgvector.?managed.?pod]
{{- end -}}

{{/* CEL: all nodes of an object's graphs. */}}
{{- define "covey.policy.nodes" -}}
({{ . }}.?spec.?nodes.orValue([]) + {{ . }}.?spec.?flowSpec.?nodes.orValue([]))
{{- end -}}

{{/*
CEL: everything of an object that may name a Secret, or says where what is in it goes: a Model's key goes to its
`baseURL`, and a tool may read the files of a volume.
*/}}
{{- define "covey.policy.secretPlaces" -}}
[dyn({{ include "covey.policy.pods" . }}), dyn({{ include "covey.policy.nodes" . }}), dyn([?{{ . }}.?spec.?apiKeyFrom, ?{{ . }}.?spec.?store, ?{{ . }}.?spec.?vector, ?{{ . }}.?spec.?eventLog]), dyn([?{{ . }}.?spec.?provider]), dyn([?{{ . }}.?spec.?baseURL]), dyn([?{{ . }}.?spec.?tools])]
{{- end -}}

{{/*
The head of a policy. Takes a list: the root, what it is about, and for an update the CEL of what must have changed to
be looked at again (with `OBJECT` for the variable): whoever touches an older object for another reason is let in.
*/}}
{{- define "covey.policy.head" -}}
{{- $root := index . 0 -}}
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata:
  name: {{ include "covey.prefix" $root }}-{{ index . 1 }}
  labels:
    {{- include "covey.labels" $root | nindent 4 }}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules:
      - apiGroups: [covey.dev]
        apiVersions: ["*"]
        operations: [CREATE, UPDATE]
        resources: [{{ join ", " (index . 2) }}]
  matchConditions:
    - name: changed
      expression: >-
        request.operation == 'CREATE' || {{ index . 3 | replace "OBJECT" "object" }} != {{ index . 3 | replace "OBJECT" "oldObject" }}
{{- end -}}

{{/* Its binding. */}}
{{- define "covey.policy.binding" -}}
{{- $root := index . 0 -}}
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: {{ include "covey.prefix" $root }}-{{ index . 1 }}
  labels:
    {{- include "covey.labels" $root | nindent 4 }}
spec:
  policyName: {{ include "covey.prefix" $root }}-{{ index . 1 }}
  validationActions: [Deny]
  {{- with $root.Values.watch.namespaces }}
  matchResources:
    namespaceSelector:
      matchExpressions:
        - key: kubernetes.io/metadata.name
          operator: In
          values: {{ toJson . }}
  {{- end }}
{{- end -}}

{{/* What the operator reads. Helm drops a value that is null: it is written all the same, and means anything. */}}
{{- define "covey.policy.json" -}}
{{- $policy := dict "secretsByLabel" (.Values.policy.secretsByLabel | default "") -}}
{{- range list "podVolumes" "serviceAccounts" "pythonFunctions" "images" "hosts" -}}
{{- $_ := set $policy . (get $.Values.policy .) -}}
{{- if not (hasKey $.Values.policy .) -}}{{- $_ := set $policy . nil -}}{{- end -}}
{{- end -}}
{{- toJson $policy -}}
{{- end -}}
