package cli

import (
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Logger returns a daemon's log on env.Stderr: one line an event, style "json" for machines or anything else for people.
// The service manager keeps it and rotates it.
func (env *Env) Logger(style string) *zap.Logger {
	cfg := zap.NewProductionEncoderConfig()
	cfg.TimeKey, cfg.EncodeTime = "time", zapcore.ISO8601TimeEncoder
	encoder := zapcore.NewJSONEncoder(cfg)
	if style != "json" {
		cfg.EncodeLevel = zapcore.CapitalLevelEncoder
		cfg.ConsoleSeparator = "  "
		encoder = zapcore.NewConsoleEncoder(cfg)
	}
	return zap.New(zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(env.Stderr)), zapcore.InfoLevel))
}
