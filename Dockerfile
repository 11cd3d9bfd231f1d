# Coxswain: the control plane, and the init container of injected pods.
#   docker build --tag coxswain:0.1.0 .
ARG NODE=node:24.21.0-slim

# Packages with those that only building needs, and Envoy's API made from its .proto files.
FROM ${NODE} AS build
WORKDIR /app
COPY .npmrc package.json package-lock.json ./
COPY generated/package.json generated/package.json
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY protos protos
COPY scripts/gen-protos.ts scripts/gen-protos.ts
COPY scripts/protos scripts/protos
RUN node --disable-warning=ExperimentalWarning scripts/gen-protos.ts && rm generated/*.d.ts

# Packages that running needs.
FROM ${NODE} AS packages
WORKDIR /app
COPY .npmrc package.json package-lock.json ./
COPY generated/package.json generated/package.json
RUN npm ci --ignore-scripts --no-audit --no-fund --omit=dev

FROM ${NODE}
# For `coxswain init`, which loads the interception rules of a pod.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends iptables \
 && rm -rf /var/lib/apt/lists/*
# Node runs the TypeScript sources as they are. It strips no types below a node_modules, so they must not lie in one.
# node_modules/@envoyproxy/protos is a link to generated/, which holds JavaScript only.
WORKDIR /app
COPY --from=packages /app/node_modules node_modules
COPY --from=build /app/generated generated
COPY LICENSE package.json ./
COPY src src
# As bin/coxswain sets them: compiled code is kept, and memory that a burst took goes back to the system.
ENV NODE_ENV=production NODE_COMPILE_CACHE=/tmp/compile-cache MALLOC_TRIM_THRESHOLD_=131072
USER 1337:1337
ENTRYPOINT ["node", "--max-semi-space-size=16", "--disable-warning=ExperimentalWarning", "/app/src/main.ts"]
CMD ["serve"]
