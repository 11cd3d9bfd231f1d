# The programs of the examples, for apps.yaml. Built by up.sh, in the folder of the repository.
FROM node:24.21.0-slim
WORKDIR /app
COPY examples/apps .
USER 1000:1000
ENTRYPOINT ["node", "--disable-warning=ExperimentalWarning"]
