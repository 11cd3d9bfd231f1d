import { expect } from 'chai';
import { pluggedInSecret, selfSignedSecret } from '../../../src/cluster/ca-secret.ts';
import { rootConfigMapName as writtenRoot } from '../../../src/cluster/root-config-maps.ts';
import { reportLabel } from '../../../src/cluster/status/report.ts';
import { statusManager } from '../../../src/cluster/status/writer.ts';
import { webhookNames } from '../../../src/cluster/webhook-bundles.ts';
import { rootConfigMap as mountedRoot } from '../../../src/inject/names.ts';
import { defaultInjectSettings } from '../../../src/inject/settings.ts';
import {
  fieldManagers,
  injectorName,
  ownCaSecretName,
  pluggedCaSecretName,
  replicaReportLabel,
  rootConfigMapName,
  validatorName,
} from '../../../src/install/names.ts';
import { defaultInstallOptions } from '../../../src/install/options.ts';

// The installer knows no control plane, and the control plane no installer: that they mean the same is seen here.
describe('names of an installation', () => {
  it('are those that the control plane uses', () => {
    expect([pluggedCaSecretName, ownCaSecretName]).to.deep.equal([pluggedInSecret, selfSignedSecret]);
    expect([rootConfigMapName, rootConfigMapName]).to.deep.equal([writtenRoot, mountedRoot]);
    expect(Object.values(webhookNames).sort()).to.deep.equal([injectorName, validatorName].sort());
    expect(replicaReportLabel).to.equal(reportLabel);
    expect(fieldManagers.status).to.equal(statusManager);
  });

  it('come with the images that injection uses where nothing else is said', () => {
    const { image, proxyImage } = defaultInjectSettings();
    expect([defaultInstallOptions.image, defaultInstallOptions.proxyImage]).to.deep.equal([image, proxyImage]);
  });
});
