#!/usr/bin/env bash
# Removes the cluster, and with it everything that up.sh made but the images.
set -euo pipefail

kind delete cluster --name coxswain
