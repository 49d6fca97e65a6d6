import * as assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import {
  countJobs,
  emptyDraft,
  extraField,
  fieldFor,
  fromSpec,
  toRequest,
  toRerun,
  withSource
} from './features/jobs/form/draft';
import { size, sizeText } from './features/jobs/form/need';

describe('the form', () => {
  const source = {
    path: 'train.ipynb',
    kind: 'notebook' as const,
    name: 'train',
    kernel_name: 'python3',
    compute: null,
    language: 'python',
    cells: 3,
    has_parameters_cell: true,
    files: ['data.csv'],
    files_left_out: [],
    parameters: [
      { name: 'depth', type: 'int' as const, default: 3, help: 'levels', nullable: false },
      { name: 'name', type: 'str' as const, default: '5', help: null, nullable: false }
    ]
  };
  const start = () => withSource({ ...emptyDraft('UTC'), path: 'train.ipynb' }, source);
  const typed = (draft: ReturnType<typeof start>, name: string, text: string, many = false) => ({
    ...draft,
    fields: draft.fields.map(field => (field.name === name ? { ...field, text, many } : field))
  });
  const request = (draft: ReturnType<typeof start>) => {
    const result = toRequest(draft);
    assert.ok('request' in result, JSON.stringify(result));
    return result.request;
  };

  it('sends only what was changed, and leaves the files to the server until touched', () => {
    assert.deepEqual(request(start()).job.parameters, {});
    assert.equal(request(start()).job.files, null);
    assert.deepEqual(request(typed(start(), 'depth', '5')).job.parameters, { depth: 5 });
    assert.deepEqual(request({ ...start(), files: 'a.csv\nb.csv' }).job.files, ['a.csv', 'b.csv']);
  });
  it('says what is wrong by field and keeps the rest', () => {
    const result = toRequest({ ...typed(start(), 'depth', 'deep'), timeout: 'soon', path: '' });
    assert.deepEqual('issues' in result && result.issues, {
      'parameters.depth': 'integer',
      timeout_s: 'duration',
      path: 'required'
    });
  });
  it('keeps what was typed when the source is read again', () => {
    const again = withSource(typed(start(), 'depth', '7'), {
      ...source,
      parameters: [{ name: 'depth', type: 'int', default: 4, help: null, nullable: false }]
    });
    assert.deepEqual(
      again.fields.map(field => [field.name, field.text, field.initial]),
      [['depth', '7', '4']]
    );
  });
  it('makes a grid of the fields with several values', () => {
    const draft = typed(typed(start(), 'depth', '1, 2, 3', true), 'name', 'a, b', true);
    assert.equal(countJobs(draft), 6);
    assert.deepEqual(request(draft).grid, { depth: [1, 2, 3], name: ['a', 'b'] });
  });
  it('gives a spec back as it came, with the types of its values', () => {
    const spec = {
      path: 'train.ipynb',
      parameters: { depth: 9, name: '7', extra: 'None' },
      timeout_s: 90,
      env: { A: 'b=c' },
      kernel_name: 'ir',
      outputs: ['*.png']
    };
    const { job } = request(withSource(fromSpec(emptyDraft('UTC'), spec), source));
    assert.deepEqual(job.parameters, spec.parameters);
    assert.equal(job.timeout_s, 90);
    assert.deepEqual(job.env, spec.env);
    assert.equal(job.kernel_name, 'ir');
    assert.deepEqual(job.outputs, spec.outputs);
  });
  it('sends a rerun whole, also what was set back to the source’s own value', () => {
    const draft = withSource(
      {
        ...fromSpec(emptyDraft('UTC'), { path: 'train.ipynb', parameters: { depth: 9 } }),
        rerunOf: 'x'
      },
      source
    );
    assert.deepEqual(toRerun(request(draft), draft).parameters, { depth: 9 });
    const back = typed(draft, 'depth', '3');
    assert.deepEqual(toRerun(request(back), back).parameters, {});
    const more = { ...back, fields: [...back.fields, extraField('new', true)] };
    assert.deepEqual(toRerun(request(more), more).parameters, { new: true });
  });
  it('asks nothing of the compute unless something is typed', () => {
    const { job } = request(start());
    assert.deepEqual([job.compute, job.need], [null, { cpus: 1, memory: 0, gpus: 0 }]);
    const typedIn = { cpus: '2.5', memory: '4 GiB', gpus: '1', inputs: 'data=../data\n\n a=b=c' };
    const asked = request({ ...start(), ...typedIn, compute: 'box' }).job;
    assert.deepEqual(
      [asked.compute, asked.need, asked.inputs],
      ['box', { cpus: 2.5, memory: 2 ** 32, gpus: 1 }, { data: '../data', a: 'b=c' }]
    );
    const back = fromSpec(emptyDraft('UTC'), asked);
    assert.deepEqual([back.cpus, back.memory, back.gpus], ['2.5', '4GiB', '1']);
    assert.deepEqual(request(back).job.inputs, asked.inputs);
  });
  it('says what is wrong with a need by field', () => {
    const wrong = { cpus: 'two', memory: '4', gpus: '0.5', inputs: 'data' };
    const result = toRequest({ ...start(), ...wrong });
    assert.deepEqual('issues' in result && result.issues, {
      'need.cpus': 'number',
      'need.memory': 'size',
      'need.gpus': 'integer',
      inputs: 'pairs'
    });
  });
  it('reads sizes and writes them without loss', () => {
    assert.deepEqual(['4GiB', '1.5 gb', '7B', '4', 'GB', '-1GB'].map(size), [
      2 ** 32,
      1.5e9,
      7,
      NaN,
      NaN,
      NaN
    ]);
    assert.deepEqual([2 ** 32, 4e9, 1500, 1536, 0].map(sizeText), [
      '4GiB',
      '4GB',
      '1500B',
      '1536B',
      ''
    ]);
  });
  it('finds the field that the server names', () => {
    assert.deepEqual(
      [
        'path',
        'job.path',
        'parameters.depth',
        'grid.depth',
        'environment.requirements',
        'environment.image',
        'job.need.memory',
        'inputs',
        'timeout_s'
      ].map(fieldFor),
      [
        'path',
        'path',
        'parameters.depth',
        'parameters.depth',
        'requirements',
        'image',
        'need.memory',
        'inputs',
        'timeout_s'
      ]
    );
  });
});
