package bucket

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/minio/minio-go/v7"
)

const (
	// partSize is what goes up in one request, and is in memory meanwhile; S3 asks for 5 MiB at least.
	partSize = 16 << 20
	// maxParts is S3's.
	maxParts = 10_000
	// aborting is how long the removal of a failed upload may take; what is left then, Clear removes.
	aborting = 30 * time.Second
)

// Put writes a new object of exactly size octets. The error wraps [ErrThere] when the key has one, and [ErrRefused] when
// it will never have. After any other error the object may be there or
// not.
//
// The parts are put by hand: minio's own upload in parts drops If-None-Match from the request that makes the object
// (completeUploadOpts, v7.4.1), and writes over what is there.
func (b *Bucket) Put(ctx context.Context, key string, r io.Reader, size int64, kind string) error {
	opts := minio.PutObjectOptions{ContentType: kind}
	opts.SetMatchETagExcept("*") // If-None-Match: *
	err := b.Fits(key)
	if err != nil {
		return fmt.Errorf("put %s: %w", b.URL(key), err)
	}
	if size <= partSize {
		err = b.putWhole(ctx, key, r, size, opts)
	} else {
		err = b.putParts(ctx, key, r, size, opts)
	}
	if minio.ToErrorResponse(err).Code == minio.PreconditionFailed {
		return fmt.Errorf("put %s: %w", b.URL(key), ErrThere)
	}
	if refused(err) {
		return fmt.Errorf("put %s: %w: %w", b.URL(key), ErrRefused, err)
	}
	if err != nil {
		return fmt.Errorf("put %s: %w", b.URL(key), err)
	}
	return nil
}

// putWhole puts a small object from memory, so that a request can be tried again.
func (b *Bucket) putWhole(ctx context.Context, key string, r io.Reader, size int64, opts minio.PutObjectOptions) error {
	data := make([]byte, size)
	if _, err := io.ReadFull(r, data); err != nil {
		return err
	}
	if err := ended(r); err != nil {
		return err
	}
	_, err := b.client.PutObject(ctx, b.config.Bucket, b.config.Prefix+key, bytes.NewReader(data), size, opts)
	return err
}

// ended refuses more octets than were promised.
func ended(r io.Reader) error {
	var one [1]byte
	switch n, err := io.ReadFull(r, one[:]); {
	case n > 0:
		return fmt.Errorf("more octets than the object has")
	case err == io.EOF:
		return nil
	default:
		return err
	}
}

func (b *Bucket) putParts(ctx context.Context, key string, r io.Reader, size int64, opts minio.PutObjectOptions) error {
	core, name := minio.Core{Client: b.client}, b.config.Prefix+key
	upload, err := core.NewMultipartUpload(ctx, b.config.Bucket, name, minio.PutObjectOptions{ContentType: opts.ContentType})
	if err != nil {
		return err
	}
	parts, err := b.parts(ctx, core, name, upload, r, size)
	if err == nil {
		err = ended(r)
	}
	if err == nil {
		_, err = core.CompleteMultipartUpload(ctx, b.config.Bucket, name, upload, parts, opts)
	}
	if err != nil {
		// Without its context, which may be what ended it.
		last, stop := context.WithTimeout(context.WithoutCancel(ctx), aborting)
		defer stop()
		_ = core.AbortMultipartUpload(last, b.config.Bucket, name, upload) // Clear finds what is left
	}
	return err
}

// parts puts all parts, one after the other.
func (b *Bucket) parts(ctx context.Context, core minio.Core, name, upload string, r io.Reader, size int64) ([]minio.CompletePart, error) {
	each := max(int64(partSize), (size+maxParts-1)/maxParts)
	buffer := make([]byte, each)
	var all []minio.CompletePart
	for left := size; left > 0; {
		data := buffer[:min(left, each)]
		if _, err := io.ReadFull(r, data); err != nil {
			return nil, err
		}
		part, err := core.PutObjectPart(ctx, b.config.Bucket, name, upload, len(all)+1, bytes.NewReader(data), int64(len(data)), minio.PutObjectPartOptions{})
		if err != nil {
			return nil, err
		}
		all = append(all, minio.CompletePart{PartNumber: part.PartNumber, ETag: part.ETag})
		left -= int64(len(data))
	}
	return all, nil
}
