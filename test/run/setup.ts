import { setStrict } from '@envoyproxy/protos';

// Loaded before every test file: what protobufjs would drop in silence must fail a test.
setStrict(true);
process.env['COXSWAIN_STRICT_PROTOS'] = '1'; // and in the processes that tests start
