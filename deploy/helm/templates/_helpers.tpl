{{/* The release's name, with the chart's unless it is part of it already. Short enough for "-ingest-10" behind it. */}}
{{- define "hark.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "hark.image" -}}
{{- $image := .Values.image -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image.repository ($image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{/* What selects: never changes over the life of a release. */}}
{{- define "hark.selector" -}}
app.kubernetes.io/name: hark
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "hark.labels" -}}
{{ include "hark.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "hark.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "hark.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{- define "hark.configMap" -}}
{{- .Values.existingConfigMap | default (include "hark.fullname" .) -}}
{{- end -}}

{{/* The configuration, or a refusal that says how to give it. */}}
{{- define "hark.config" -}}
{{- if and .Values.config .Values.existingConfigMap -}}
{{- fail "give either config or existingConfigMap, not both" -}}
{{- end -}}
{{- if not (or .Values.config .Values.existingConfigMap) -}}
{{- fail "there is no configuration: give it with --set-file config=hark.yaml, or name a ConfigMap in existingConfigMap" -}}
{{- end -}}
{{- if .Values.config -}}
{{- $parsed := fromYaml .Values.config -}}
{{- if hasKey $parsed "Error" -}}
{{- fail (printf "config is no YAML: %s" $parsed.Error) -}}
{{- end -}}
{{- if not (hasKey ($parsed.log | default dict) "kafka") -}}
{{- fail "config has no log.kafka: the stages are separate pods and share a Kafka cluster (docs/kafka.md)" -}}
{{- end -}}
{{- end -}}
{{- .Values.config -}}
{{- end -}}

{{/* HTTP, or HTTPS where the workers serve TLS. */}}
{{- define "hark.scheme" -}}
{{- $http := (fromYaml .Values.config).http | default dict -}}
{{- if or .Values.httpTls (hasKey $http "tls") -}}HTTPS{{- else -}}HTTP{{- end -}}
{{- end -}}

{{/* Pods: no root, no privileges, no writable root, the default seccomp profile. */}}
{{- define "hark.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "hark.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{- define "hark.volumeMounts" -}}
- {name: config, mountPath: /etc/hark, readOnly: true}
{{- range .Values.secretFiles }}
- {name: secret-{{ . }}, mountPath: /etc/hark-secrets/{{ . }}, readOnly: true}
{{- end }}
{{- end -}}

{{- define "hark.secretVolumes" -}}
{{- range .Values.secretFiles }}
- name: secret-{{ . }}
  secret: {secretName: {{ . }}, defaultMode: 0440}
{{- end }}
{{- end -}}
