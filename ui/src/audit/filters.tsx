import { type KeyboardEvent, type RefObject, useEffect, useId, useState } from 'react'

import { CITY_TIME, read, typed } from '../shell/city-time'
import { eventName, words } from '../shell/words'
import type { Row } from './trail'
import type { TextKey, View } from './view'

const ROLES = [
  'watch_operator',
  'watch_supervisor',
  'remote_pilot',
  'station_commander',
  'field_responder',
  'ambassador',
  'city_analyst',
  'auditor',
  'administrator',
  'service',
]
const ORGANISATIONS = ['lasd_west_hollywood', 'city_of_west_hollywood', 'la_county_fire', 'block_by_block', 'oversight']
const OUTCOMES = ['granted', 'refused', 'recorded']

type Props = {
  view: View
  rows: readonly Row[]
  first: RefObject<HTMLInputElement | null>
  /** A changed filter starts at the end again; the open event stays. */
  onChange: (change: Partial<View>) => void
  onClear: () => void
}

export function Filters({ view, rows, first, onChange, onClear }: Props) {
  const people = useId()
  const types = useId()
  const text = (key: TextKey) => (value: string) => onChange({ texts: { ...view.texts, [key]: value } })
  const filtered = Object.keys(view.texts).length > 0 || view.since !== undefined || view.until !== undefined
  const seenPeople = [...new Map(rows.map((row) => [row.actor.id, row.actor.name])).entries()]
  const seenTypes = [...new Set(rows.map((row) => row.type))].sort()
  return (
    <div className="filters" role="search" aria-label="Filter the audit trail">
      <Text
        label="Person"
        value={view.texts.person}
        onChange={text('person')}
        input={first}
        list={people}
        placeholder="person id"
      />
      <Choice label="Role" value={view.texts.role} options={ROLES} onChange={text('role')} />
      <Choice
        label="Organisation"
        value={view.texts.organisation}
        options={ORGANISATIONS}
        onChange={text('organisation')}
      />
      <Text label="Case or call" value={view.texts.case} onChange={text('case')} />
      <Text label="Subject" value={view.texts.subject} onChange={text('subject')} placeholder="person, drone, flight" />
      <Text
        label="Type"
        value={view.texts.type}
        onChange={text('type')}
        list={types}
        placeholder="flight.drone_launched"
      />
      <Choice label="Outcome" value={view.texts.outcome} options={OUTCOMES} onChange={text('outcome')} />
      <Moment label="From" value={view.since} onChange={(since) => onChange({ since })} />
      <Moment label="Until" value={view.until} onChange={(until) => onChange({ until })} />
      <button type="button" className="button quiet" onClick={onClear} disabled={!filtered}>
        Clear
      </button>
      <datalist id={people}>
        {seenPeople.map(([id, name]) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
      </datalist>
      <datalist id={types}>
        {seenTypes.map((type) => (
          <option key={type} value={type}>
            {eventName(type)}
          </option>
        ))}
      </datalist>
    </div>
  )
}

type TextProps = {
  label: string
  value: string | undefined
  onChange: (value: string) => void
  list?: string
  placeholder?: string
  input?: RefObject<HTMLInputElement | null>
}

/** Takes effect on Enter or when left, not with every letter. */
function Text({ label, value = '', onChange, list, placeholder, input }: TextProps) {
  const id = useId()
  const [draft, setDraft] = useState(value)
  useEffect(() => setDraft(value), [value])
  const commit = () => draft.trim() !== value && onChange(draft.trim())
  const key = (event: KeyboardEvent<HTMLInputElement>) => {
    if (event.key === 'Enter') commit()
    if (event.key === 'Escape') event.currentTarget.blur()
  }
  return (
    <div className={value ? 'filter set' : 'filter'}>
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        ref={input}
        value={draft}
        list={list}
        placeholder={placeholder}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => setDraft(event.target.value)}
        onBlur={commit}
        onKeyDown={key}
      />
    </div>
  )
}

type ChoiceProps = {
  label: string
  value: string | undefined
  options: readonly string[]
  onChange: (value: string) => void
}

function Choice({ label, value = '', options, onChange }: ChoiceProps) {
  const id = useId()
  return (
    <div className={value ? 'filter set' : 'filter'}>
      <label htmlFor={id}>{label}</label>
      <select id={id} value={value} onChange={(event) => onChange(event.target.value)}>
        <option value="">Any</option>
        {options.map((each) => (
          <option key={each} value={each}>
            {words(each)}
          </option>
        ))}
        {value && !options.includes(value) && <option value={value}>{value}</option>}
      </select>
    </div>
  )
}

function Moment({
  label,
  value,
  onChange,
}: {
  label: string
  value: string | undefined
  onChange: (value: string | undefined) => void
}) {
  const id = useId()
  const shown = value ? typed(Date.parse(value)).slice(0, 16) : ''
  const [draft, setDraft] = useState(shown)
  useEffect(() => setDraft(shown), [shown])
  const commit = () => {
    if (draft === shown) return
    const at = read(draft)
    onChange(at === undefined ? undefined : new Date(at).toISOString())
  }
  return (
    <div className={value ? 'filter set' : 'filter'}>
      <label htmlFor={id}>
        {label} ({CITY_TIME})
      </label>
      <input
        id={id}
        type="datetime-local"
        value={draft}
        onChange={(event) => setDraft(event.target.value)}
        onBlur={commit}
      />
    </div>
  )
}
