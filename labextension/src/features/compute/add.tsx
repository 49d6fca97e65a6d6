import * as React from 'react';

import { ApiError } from '../../api/client';
import type { Compute, CreateCompute, KindField, KindInfo } from '../../api/types';
import { Banner, Button } from '../../components/basics';
import { useServices } from '../../components/context';
import { CheckField, SelectField, TextField } from '../../components/fields';

type Values = Record<string, string | boolean>;

/** What a person usually says of each kind; the rest is there to unfold. */
const FEW = 4;

const SPELT: Record<string, string> = {
  ca: 'CA',
  cpus: 'CPUs',
  days: '(days)',
  gpus: 'GPUs',
  s: '(s)',
  url: 'URL'
};

/** A new entry of compute.toml. */
export function AddCompute(props: {
  onAdded: (compute: Compute) => void;
  onCancel: () => void;
}): JSX.Element {
  const { api, trans } = useServices();
  const [kinds, setKinds] = React.useState<readonly KindInfo[]>([]);
  const [type, setType] = React.useState('');
  const [name, setName] = React.useState('');
  const [values, setValues] = React.useState<Values>({});
  const [problem, setProblem] = React.useState<ApiError | null>(null);
  const [sending, setSending] = React.useState(false);
  React.useEffect(() => {
    api.computeKinds().then(
      page => {
        const found = page.items.filter(kind => kind.type !== 'local');
        setKinds(found);
        setType(current => current || found.find(kind => kind.available)?.type || '');
      },
      reason => setProblem(ApiError.from(reason))
    );
  }, [api]);
  const kind = kinds.find(each => each.type === type);
  const fields = kind?.fields ?? [];
  const own = fields.filter((field, index) => field.required || index < FEW);
  const more = fields.filter(field => !own.includes(field));
  const errorAt = (field: string) =>
    problem && (problem.field === field || problem.field === `settings.${field}`)
      ? problem.message
      : null;
  const placed = ['name', 'type', ...fields.map(field => field.name)].some(errorAt);
  const send = async () => {
    setSending(true);
    try {
      props.onAdded(await api.createCompute(entry(name, type, fields, values)));
    } catch (reason) {
      setProblem(ApiError.from(reason));
      setSending(false);
    }
  };
  const control = (field: KindField) => (
    <Setting
      key={field.name}
      field={field}
      value={values[field.name]}
      error={errorAt(field.name)}
      onChange={value => setValues({ ...values, [field.name]: value })}
    />
  );
  return (
    <form
      className="lst-Form"
      aria-label={trans.__('Add a compute')}
      onSubmit={event => {
        event.preventDefault();
        void send();
      }}
    >
      <div className="lst-Form-body">
        <h2>{trans.__('Add a compute')}</h2>
        <p className="lst-Form-lead">
          {trans.__('A named place where jobs run. It is written into compute.toml of the studio.')}
        </p>
        {problem && !placed && <Banner kind="error">{problem.message}</Banner>}
        <div className="lst-Form-grid">
          <TextField
            id="lst-compute-name"
            label={trans.__('Name')}
            value={name}
            placeholder={trans.__('gpu-box')}
            error={errorAt('name')}
            hint={trans.__('By which jobs and notebooks choose it.')}
            onChange={setName}
          />
          <SelectField
            id="lst-compute-type"
            label={trans.__('Kind')}
            value={type}
            options={kinds.map(each => [each.type, each.type] as const)}
            error={errorAt('type')}
            hint={kind?.summary}
            onChange={setType}
          />
        </div>
        {kind && !kind.available && <Banner kind="warning">{kind.message}</Banner>}
        <section>
          <div className="lst-Form-grid">{own.map(control)}</div>
        </section>
        {more.length > 0 && (
          <details open={more.some(field => errorAt(field.name)) || undefined}>
            <summary>{trans.__('More settings')}</summary>
            <div className="lst-Form-grid">{more.map(control)}</div>
          </details>
        )}
      </div>
      <div className="lst-Form-foot">
        <div>
          <Button onClick={props.onCancel}>{trans.__('Cancel')}</Button>
          <Button kind="primary" type="submit" disabled={sending || !name || !type}>
            {trans.__('Add compute')}
          </Button>
        </div>
      </div>
    </form>
  );
}

function Setting(props: {
  field: KindField;
  value: string | boolean | undefined;
  error: string | null;
  onChange: (value: string | boolean) => void;
}): JSX.Element {
  const { field } = props;
  const { trans } = useServices();
  const id = `lst-compute-${field.name}`;
  const label = shownName(field.name);
  const hint = <Words text={field.description.replace(/\bNone:/g, trans.__('Empty:'))} />;
  if (field.type === 'boolean') {
    const checked = typeof props.value === 'boolean' ? props.value : field.default === true;
    return (
      <CheckField id={id} label={label} hint={hint} value={checked} onChange={props.onChange} />
    );
  }
  const many = field.type === 'list' || field.type === 'table';
  return (
    <TextField
      id={id}
      label={label}
      value={typeof props.value === 'string' ? props.value : ''}
      placeholder={
        field.default === null || field.default === undefined || many ? '' : String(field.default)
      }
      rows={many ? 2 : undefined}
      mono={many}
      wide={many}
      error={props.error}
      hint={field.description ? hint : undefined}
      onChange={props.onChange}
    />
  );
}

/** A setting's name as a label: `idle_kernel_s` is *Idle kernel (s)*. */
function shownName(name: string): string {
  const words = name.split('_').map(word => SPELT[word] ?? word);
  const text = words.join(' ');
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A sentence of which some words are code. */
function Words(props: { text: string }): JSX.Element {
  const parts = props.text.split('`');
  return <>{parts.map((part, index) => (index % 2 ? <code key={index}>{part}</code> : part))}</>;
}

/** What the form says, as the API takes it: what was left empty is left out. */
export function entry(
  name: string,
  type: string,
  fields: readonly KindField[],
  values: Values
): CreateCompute {
  const settings: Record<string, unknown> = {};
  for (const field of fields) {
    const value = values[field.name];
    if (value === undefined || value === '') {
      continue;
    }
    settings[field.name] = typeof value === 'boolean' ? value : read(field, value);
  }
  return { name: name.trim(), type, settings };
}

function read(field: KindField, text: string): unknown {
  const lines = text
    .split('\n')
    .map(line => line.trim())
    .filter(Boolean);
  switch (field.type) {
    case 'number':
    case 'integer': {
      // What is no number is sent as it stands: the server says what is wrong with it.
      const value = Number(text);
      return Number.isNaN(value) ? text : value;
    }
    case 'list':
      return lines;
    case 'table':
      return Object.fromEntries(
        lines.map(line => {
          const at = line.indexOf('=');
          return at < 0 ? [line, ''] : [line.slice(0, at).trim(), line.slice(at + 1).trim()];
        })
      );
    default:
      return text;
  }
}
