import { useRef, useState } from 'react';
import type { DragEvent } from 'react';

/** What `useDropZone` returns. */
export interface DropZone {
  isOver: boolean;
  handlers: {
    onDragEnter: (event: DragEvent) => void;
    onDragOver: (event: DragEvent) => void;
    onDragLeave: () => void;
    onDrop: (event: DragEvent) => void;
  };
}

function hasFiles(event: DragEvent): boolean {
  return event.dataTransfer.types.includes('Files');
}

/** Lets files be dropped on an element; other things that are dragged are left to the browser. */
export function useDropZone(onFiles: (files: Iterable<File>) => void): DropZone {
  const [isOver, setIsOver] = useState(false);
  // Moving over a child leaves the parent and enters the child, in some order.
  const depth = useRef(0);
  const end = (): void => {
    depth.current = 0;
    setIsOver(false);
  };
  return {
    isOver,
    handlers: {
      onDragEnter: (event) => {
        if (!hasFiles(event)) return;
        event.preventDefault();
        depth.current += 1;
        setIsOver(true);
      },
      onDragOver: (event) => {
        if (hasFiles(event)) event.preventDefault();
      },
      onDragLeave: () => {
        depth.current = Math.max(0, depth.current - 1);
        if (depth.current === 0) setIsOver(false);
      },
      onDrop: (event) => {
        if (!hasFiles(event)) return;
        event.preventDefault();
        end();
        onFiles(event.dataTransfer.files);
      },
    },
  };
}
