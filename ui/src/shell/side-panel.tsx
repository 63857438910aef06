/** What is done beside the main part of a page: its title has the focus, Escape and Close leave it. */
import { type ReactNode, useEffect, useId, useRef } from 'react'

import './side-panel.css'

type Props = { title: string; className?: string; onClose: () => void; children: ReactNode }

export function SidePanel({ title, className, onClose, children }: Props) {
  const id = useId()
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    const opener = document.activeElement
    heading.current?.focus()
    return () => {
      // Back to where it was opened from, unless something else has the focus by now.
      if (document.activeElement === document.body && opener instanceof HTMLElement) opener.focus()
    }
  }, [])
  return (
    <div
      className={className ? `panel-form ${className}` : 'panel-form'}
      role="dialog"
      aria-labelledby={id}
      onKeyDown={(event) => event.key === 'Escape' && onClose()}
    >
      <header>
        <h2 id={id} ref={heading} tabIndex={-1}>
          {title}
        </h2>
        <button type="button" className="button quiet" onClick={onClose}>
          Close
        </button>
      </header>
      {children}
    </div>
  )
}
