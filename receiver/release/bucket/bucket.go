// Package bucket writes objects to an S3-compatible store, and never over one that is there.
//
//	Put(key) ─ If-None-Match: * ─> object       what large is goes up in parts
//	Digest(key) <─ read back                    SHA-256 of what the store gives out
//	Clear(prefix)                               objects and unfinished uploads of one transfer
//
// What a store says is not believed where it matters: everything that was put is read back and compared by the caller.
package bucket

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// Config says where a bucket is, and who writes to it.
type Config struct {
	Endpoint *url.URL // https, or http for tests and loopback; no path
	Bucket   string   // is there
	Prefix   string   // begins every key; "" or ends with "/"
	Region   string   // "": asked of the store
	Access   string
	Secret   string
	Roots    *x509.CertPool // nil: the system's
}

const (
	// retries is how often one request is tried before its transfer waits for the next round.
	retries = 4
	// silence is how long the store may take to begin an answer.
	silence = time.Minute
)

var (
	// ErrThere is wrapped by Put when the key has an object.
	ErrThere = errors.New("an object is there already")
	// ErrRefused is wrapped by Put and Fits when the store will never take such an object, however often it is tried. None is there then.
	ErrRefused = errors.New("the store never takes it")
)

// Bucket is an open bucket. It is safe for concurrent use.
type Bucket struct {
	client *minio.Client
	config Config
}

// New makes a Bucket; nothing is asked of the store yet.
func New(c Config) (*Bucket, error) {
	transport, err := minio.DefaultTransport(c.Endpoint.Scheme == "https")
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", c.Bucket, err)
	}
	if c.Roots != nil {
		transport.TLSClientConfig = &tls.Config{RootCAs: c.Roots, MinVersion: tls.VersionTLS12}
	}
	transport.ResponseHeaderTimeout = silence
	client, err := minio.New(c.Endpoint.Host, &minio.Options{
		Creds: credentials.NewStaticV4(c.Access, c.Secret, ""), Secure: c.Endpoint.Scheme == "https", Transport: http.RoundTripper(transport),
		Region: c.Region, BucketLookup: minio.BucketLookupPath, MaxRetries: retries,
	})
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", c.Bucket, err)
	}
	return &Bucket{client: client, config: c}, nil
}

// URL names a key for people and for the audit log.
func (b *Bucket) URL(key string) string {
	return "s3://" + b.config.Bucket + "/" + b.config.Prefix + key
}

// maxKey is the most octets of a key in S3.
const maxKey = 1024

// Fits asks whether the store can have such a key; the error wraps [ErrRefused].
func (b *Bucket) Fits(key string) error {
	if n := len(b.config.Prefix) + len(key); n > maxKey {
		return fmt.Errorf("%w: the key %.80q… has %d octets, and a store takes %d", ErrRefused, b.config.Prefix+key, n, maxKey)
	}
	return nil
}

// passing are the codes of answers with the status 400 that are about the connection, the clock or the account, not about the object.
var passing = []string{"RequestTimeout", "IncompleteBody", "BadDigest", "ExpiredToken", "InvalidToken", "AuthorizationHeaderMalformed", "InvalidRegion",
	"AuthorizationQueryParametersError", "TokenRefreshRequired", "XAmzContentSHA256Mismatch"}

// refused says whether the store's answer to a put is one that it will always give. What an administrator may mend (keys, rights, the bucket) is not.
func refused(err error) bool {
	switch a := minio.ToErrorResponse(err); a.StatusCode {
	case http.StatusBadRequest:
		return !slices.Contains(passing, a.Code)
	case http.StatusRequestEntityTooLarge, http.StatusRequestURITooLong, http.StatusUnprocessableEntity, http.StatusRequestHeaderFieldsTooLarge:
		return true
	}
	return false
}

// Digest reads an object and gives its size and SHA-256. The error wraps [fs.ErrNotExist] when there is none.
func (b *Bucket) Digest(ctx context.Context, key string) (size int64, sum [sha256.Size]byte, err error) {
	h := sha256.New()
	err = b.get(ctx, key, func(r io.Reader) (err error) {
		size, err = io.Copy(h, r)
		return err
	})
	return size, [sha256.Size]byte(h.Sum(nil)), err
}

func (b *Bucket) get(ctx context.Context, key string, take func(r io.Reader) error) error {
	object, err := b.client.GetObject(ctx, b.config.Bucket, b.config.Prefix+key, minio.GetObjectOptions{})
	if err == nil {
		err = take(object)
		object.Close()
	}
	if minio.ToErrorResponse(err).Code == minio.NoSuchKey {
		err = fs.ErrNotExist
	}
	if err != nil {
		return fmt.Errorf("get %s: %w", b.URL(key), err)
	}
	return nil
}

// Clear removes every object and every unfinished upload whose key begins so.
func (b *Bucket) Clear(ctx context.Context, prefix string) error {
	prefix = b.config.Prefix + prefix
	for o := range b.client.ListObjectsIter(ctx, b.config.Bucket, minio.ListObjectsOptions{Prefix: prefix, Recursive: true}) {
		if o.Err != nil {
			return fmt.Errorf("clear s3://%s/%s: %w", b.config.Bucket, prefix, o.Err)
		}
		if err := b.client.RemoveObject(ctx, b.config.Bucket, o.Key, minio.RemoveObjectOptions{}); err != nil {
			return fmt.Errorf("clear s3://%s/%s: %w", b.config.Bucket, o.Key, err)
		}
	}
	for u := range b.client.ListIncompleteUploads(ctx, b.config.Bucket, prefix, true) {
		if u.Err != nil {
			return fmt.Errorf("clear s3://%s/%s: %w", b.config.Bucket, prefix, u.Err)
		}
		if err := b.client.RemoveIncompleteUpload(ctx, b.config.Bucket, u.Key); err != nil {
			return fmt.Errorf("clear s3://%s/%s: %w", b.config.Bucket, u.Key, err)
		}
	}
	return nil
}
