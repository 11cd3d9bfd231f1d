const words = (text: string): readonly string[] => text.trim().split(/\s+/);

/** Every field of core/v1 PodSpec; the deep ones that we don't read are let through. */
export const podSpecFields = words(`
  activeDeadlineSeconds affinity automountServiceAccountToken containers dnsConfig dnsPolicy enableServiceLinks
  ephemeralContainers hostAliases hostIPC hostNetwork hostPID hostUsers hostname hostnameOverride imagePullSecrets
  initContainers nodeName nodeSelector os overhead preemptionPolicy priority priorityClassName readinessGates
  resourceClaims resources restartPolicy runtimeClassName schedulerName schedulingGates schedulingGroup securityContext
  serviceAccount serviceAccountName setHostnameAsFQDN shareProcessNamespace subdomain terminationGracePeriodSeconds
  tolerations topologySpreadConstraints volumes workloadRef`);

/** Every field of core/v1 Container. */
export const containerFields = words(`
  args command env envFrom image imagePullPolicy lifecycle livenessProbe name ports readinessProbe resizePolicy resources
  restartPolicy restartPolicyRules securityContext startupProbe stdin stdinOnce terminationMessagePath
  terminationMessagePolicy tty volumeDevices volumeMounts workingDir`);

/** Every field of core/v1 ContainerPort. */
export const containerPortFields = words('containerPort hostIP hostPort name protocol');
