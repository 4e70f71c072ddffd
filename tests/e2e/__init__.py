"""The whole system on the cluster that KUBECONFIG names."""
